"""What it costs that the results of a function are durable while it runs: the same run without."""

from __future__ import annotations

from hashlib import sha256

import prepared
from task import Case, Task

DATA = "rows"
REPEATED = 300  # so that a row takes about ten microseconds


def lakebed(case: Case) -> Task:
    return _hashed(case, ephemeral=False)


def lakebed_ephemeral(case: Case) -> Task:
    return _hashed(case, ephemeral=True)


def _hashed(case: Case, *, ephemeral: bool) -> Task:
    chain = prepared.lakebed_dataset(case, "rows").settings(ephemeral=ephemeral)

    def digest(file) -> str:
        return sha256(file.path.encode() * REPEATED).hexdigest()

    return Task(lambda: chain.map(digest=digest).to_values("digest"), lambda digests: digests[-1])


SYSTEMS = {"lakebed": lakebed, "lakebed_ephemeral": lakebed_ephemeral}
