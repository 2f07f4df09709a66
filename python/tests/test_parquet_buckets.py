"""Parquet files in buckets: read where they are, in all clouds."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import lakebed as dc
from lakebed.exceptions import FileChangedError, MissingPathError, StorageError

if TYPE_CHECKING:
    from pathlib import Path

    from servers import Store
    from servers.double_server import S3Double
    from servers.proxy_server import Proxy


def table(numbers: list[int]) -> bytes:
    written = io.BytesIO()
    pq.write_table(pa.table({"x": numbers, "at": [{"y": str(n)} for n in numbers]}), written)
    return written.getvalue()


def test_files_of_a_bucket_are_one_table(store: Store) -> None:
    store.put("t/year=2024/a.parquet", table([1, 2]))
    store.put("t/year=2025/b.parquet", table([3]))
    store.put("t/_private/c.parquet", table([9]))
    store.put("t/notes.txt", b"no table")
    chain = dc.read_parquet(f"{store.uri}/t", client_config=store.client_config)
    rows = chain.order_by("x").to_list("x", "at.y", "year")
    assert rows == [(1, "1", 2024), (2, "2", 2024), (3, "3", 2025)]
    assert chain.filter(dc.C("year") == 2025).save("new").to_values("x") == [3]
    # the session knows the bucket from now on
    assert dc.read_parquet(f"{store.uri}/t/*/b.parquet").count() == 1


def test_a_file_that_changed_is_not_read(s3: S3Double) -> None:
    s3.put("a.parquet", table(list(range(1000))))
    chain = dc.read_parquet(f"{s3.uri}/a.parquet", client_config=s3.client_config)
    s3.put("a.parquet", table(list(range(1000, 0, -1))))
    with pytest.raises(FileChangedError, match=r"a\.parquet"):
        chain.sum("x")


def test_what_is_wrong_is_said_of_the_file(s3: S3Double) -> None:
    config = s3.client_config
    s3.put("damaged.parquet", table([1])[:-3])
    with pytest.raises(StorageError, match=r"damaged\.parquet"):
        dc.read_parquet(f"{s3.uri}/damaged.parquet", client_config=config)
    with pytest.raises(MissingPathError, match="none"):
        dc.read_parquet(f"{s3.uri}/none/*.parquet", client_config=config)


def test_a_bad_line_costs_time_only(faulty: Proxy[S3Double]) -> None:
    for number in range(20):
        faulty.behind.put(f"t/{number:02}.parquet", table([number]))
    faulty.set(error_500=0.05, reset=0.05, truncate=0.05, seed=3)
    chain = dc.read_parquet(f"{faulty.store.uri}/t", client_config=faulty.store.client_config)
    assert chain.sum("x") == sum(range(20))
    assert sum(faulty.fates().values()) > faulty.fates()["ok"]


def test_options_of_buckets_mean_nothing_for_folders(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(table([1]))
    chain = dc.read_parquet(tmp_path, anon=True, update=True, client_config={"aws_key": "k"})
    assert chain.to_values("x") == [1]
