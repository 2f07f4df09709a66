"""Exact search: the names of the ten vectors with the smallest cosine distance to one of them."""

from __future__ import annotations

from functools import cache

import prepared
from task import Case, Task, systems

DATA = "points"

REFERENCE = 17  # the row whose vector is looked for


@cache
def _reference(points: str) -> list[float]:
    """The vector of row `REFERENCE`."""
    import pyarrow.parquet as pq

    return pq.ParquetFile(points).read_row_group(0, ["emb"])["emb"][REFERENCE].as_py()


def lakebed(case: Case) -> Task:
    chain = prepared.lakebed_dataset(case, "points")
    near = chain.similarity_search("emb", _reference(case.points), k=10)
    return Task(lambda: near.to_values("name"), list)


def duckdb_table(case: Case) -> Task:
    connection = prepared.duckdb_table(case, "points")
    reference = _reference(case.points)
    query = (
        "SELECT name FROM points "
        f"ORDER BY array_cosine_distance(emb, ?::FLOAT[{len(reference)}]) LIMIT 10"
    )
    return Task(
        lambda: connection.execute(query, [reference]).fetchall(),
        lambda rows: [row[0] for row in rows],
    )


def numpy(case: Case) -> Task:
    """In memory already, lengths not known beforehand, as for everyone else."""
    import numpy as np
    import pyarrow.parquet as pq

    table = pq.read_table(case.points)
    reference = np.asarray(_reference(case.points), dtype=np.float32)
    values = table["emb"].combine_chunks().flatten().to_numpy()
    matrix, names = values.reshape(-1, len(reference)), table["name"]

    def run():
        lengths = np.sqrt(np.einsum("ij,ij->i", matrix, matrix)) * np.linalg.norm(reference)
        distance = 1 - matrix @ reference / lengths
        nearest = np.argpartition(distance, 10)[:10]
        return names.take(nearest[np.argsort(distance[nearest])])

    return Task(run, lambda found: found.to_pylist())


SYSTEMS = systems(lakebed, duckdb_table, numpy)
