"""Exact search among vectors of float16: the distances of the ten that are nearest to one of them."""

from __future__ import annotations

from task import Case, Task, systems

DATA = "vectors"

REFERENCE = 17  # the row whose vector is looked for


def lakebed(case: Case) -> Task:
    import lakebed as dc
    from lakebed import C, func

    _make(case)
    parquet = str(case.home / "halves.parquet")
    case.once("halves", lambda: dc.read_parquet(parquet, source=False).save("halves"))
    chain = dc.read_dataset("halves")
    (reference,) = chain.filter(C("id") == REFERENCE).to_values("emb")

    def run() -> list[int]:
        near = chain.mutate(dist=func.cosine_distance(C("emb"), reference)).order_by("dist")
        return near.limit(10).to_values("id")

    return Task(run, sorted)


def numpy(case: Case) -> Task:
    """In memory already; numpy multiplies halves one by one, so they are float32 in memory too."""
    import numpy as np
    import pyarrow.parquet as pq

    _make(case)
    values = pq.read_table(case.home / "halves.parquet")["emb"].combine_chunks().flatten()
    halves = values.to_numpy()
    matrix = halves.reshape(-1, 512).astype(np.float32)
    reference = matrix[REFERENCE]

    def run():
        lengths = np.sqrt(np.einsum("ij,ij->i", matrix, matrix)) * np.linalg.norm(reference)
        return np.argpartition(1 - matrix @ reference / lengths, 10)[:10]

    return Task(run, lambda ids: sorted(ids.tolist()))


def _make(case: Case) -> None:
    """The vectors of the other searches, as halves."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    def make() -> None:
        table = pq.read_table(case.vectors)
        values = table["emb"].combine_chunks().flatten().to_numpy().astype(np.float16)
        emb = pa.FixedSizeListArray.from_arrays(pa.array(values), 512)
        pq.write_table(table.set_column(1, "emb", emb), case.home / "halves.parquet")

    case.once("halves-parquet", make)


SYSTEMS = systems(lakebed, numpy)
