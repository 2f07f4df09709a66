"""Exact search: the ten vectors with the smallest cosine distance to one of them."""

from __future__ import annotations

from functools import cache

import prepared
from task import Case, Task, systems

DATA = "vectors"

REFERENCE = 17  # the row whose vector is looked for


@cache
def _reference(vectors: str) -> list[float]:
    """The vector of row `REFERENCE`; of the systems' own venvs, not all have the same readers."""
    import pyarrow.parquet as pq

    return pq.ParquetFile(vectors).read_row_group(0, ["emb"])["emb"][REFERENCE].as_py()


def lakebed(case: Case) -> Task:
    from lakebed import C, func

    chain = prepared.lakebed_dataset(case, "vectors")
    (reference,) = chain.filter(C("id") == REFERENCE).to_values("emb")

    def run() -> list[int]:
        near = chain.mutate(dist=func.cosine_distance(C("emb"), reference)).order_by("dist")
        return near.limit(10).to_values("id")

    return Task(run, list)


def numpy(case: Case) -> Task:
    """In memory already, lengths not known beforehand, as for everyone else."""
    import numpy as np
    import pyarrow.parquet as pq

    values = pq.read_table(case.vectors)["emb"].combine_chunks().flatten()
    matrix = values.to_numpy().reshape(-1, len(_reference(case.vectors)))
    reference = np.asarray(_reference(case.vectors), dtype=np.float32)

    def run():
        lengths = np.sqrt(np.einsum("ij,ij->i", matrix, matrix)) * np.linalg.norm(reference)
        distance = 1 - matrix @ reference / lengths
        nearest = np.argpartition(distance, 10)[:10]
        return nearest[np.argsort(distance[nearest])]

    return Task(run, lambda ids: ids.tolist())


def duckdb_table(case: Case) -> Task:
    """On a native `FLOAT[512]` column of a DuckDB table."""
    connection = prepared.duckdb_table(case, "vectors")
    query = (
        "SELECT id FROM vectors ORDER BY array_cosine_distance(emb, ?::FLOAT[512]) LIMIT 10",
        [_reference(case.vectors)],
    )
    return Task(
        lambda: connection.execute(*query).fetchall(), lambda rows: [row[0] for row in rows]
    )


def lance(case: Case) -> Task:
    import numpy as np

    dataset = prepared.lance_dataset(case, "vectors")
    reference = np.asarray(_reference(case.vectors), dtype=np.float32)
    nearest = {"column": "emb", "q": reference, "k": 10, "metric": "cosine", "use_index": False}
    return Task(
        lambda: dataset.to_table(columns=["id"], nearest=nearest),
        lambda table: table["id"].to_pylist(),
    )


def polars(case: Case) -> Task:
    """In memory already; polars has no cosine distance, so it is spelt out."""
    import math

    import polars as pl

    frame = pl.read_parquet(case.vectors).lazy()
    reference = _reference(case.vectors)
    emb, ref = pl.col("emb"), pl.lit(reference, dtype=pl.Array(pl.Float32, len(reference)))
    distance = 1 - emb.arr.dot(ref) / (emb.arr.dot(emb).sqrt() * math.hypot(*reference))
    nearest = frame.select("id", dist=distance).bottom_k(10, by="dist").sort("dist")
    return Task(lambda: nearest.collect()["id"].to_list())


def daft(case: Case) -> Task:
    """In memory already."""
    import daft

    frame = daft.read_parquet(case.vectors)
    reference = _reference(case.vectors)
    vector = daft.DataType.embedding(daft.DataType.float32(), len(reference))
    frame = frame.select("id", daft.col("emb").cast(vector)).collect()
    distance = daft.functions.cosine_distance(daft.col("emb"), daft.lit(reference).cast(vector))
    nearest = frame.select("id", distance.alias("dist")).sort("dist").limit(10)
    return Task(lambda: nearest.select("id").to_pydict(), lambda columns: columns["id"])


SYSTEMS = systems(lakebed, duckdb_table, numpy, lance, polars, daft)
