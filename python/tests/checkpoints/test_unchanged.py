"""A version is unchanged only if its rows, columns and types are."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pydantic
import pytest

import lakebed as dc
from lakebed import C

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def is_unchanged(first: dc.DataChain, second: dc.DataChain) -> bool:
    """Whether saving the second after the first makes no version; it holds its rows anyway."""
    versions = [chain.save("saved").version for chain in (first, second)]
    stored, rows = dc.read_dataset("saved").to_arrow(), second.to_arrow()
    assert stored.column_names == rows.column_names
    assert stored.to_pylist() == rows.to_pylist()
    return versions[0] == versions[1]


def model(name: str, **fields: Any) -> type[pydantic.BaseModel]:
    return pydantic.create_model(name, **{key: (kind, ...) for key, kind in fields.items()})


def records(name: str, **values: Any) -> dc.DataChain:
    made = model(name, **{key: type(value) for key, value in values.items()})
    return dc.read_values(m=[made(**values)])


def mapped(given: Any) -> dc.DataChain:
    return dc.read_values(x=[1]).map(y=lambda x: x, output=given)


def allowing(most: int | None) -> dc.DataChain:
    def odd(x: int) -> int:
        if x == 1:
            raise ValueError(x)
        return x

    chain = dc.read_values(x=[0, 1]).settings(on_error="skip", max_errors=most)
    return chain.map(y=odd)


def table(**columns: Any) -> dc.DataChain:
    return dc.read_arrow(pa.table(columns))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (lambda: dc.read_values(w=[1], h=[2]), lambda: dc.read_values(h=[1], w=[2])),
        (lambda: dc.read_values(w=[1]), lambda: dc.read_values(h=[1])),
        (lambda: dc.read_values(x=[0]), lambda: dc.read_values(x=[0.0])),
        (lambda: dc.read_values(x=["a"]), lambda: dc.read_values(x=[b"a"])),
        (lambda: table(x=pa.array([1], pa.int32())), lambda: table(x=pa.array([1], pa.int64()))),
        (lambda: records("A", a=1), lambda: records("A", b=1)),
        (lambda: records("A", a=1), lambda: records("A", a=1, b=2)),
        (lambda: records("A", a=1), lambda: records("B", a=1)),
        (lambda: mapped(int), lambda: mapped(float)),
        (lambda: mapped(int), lambda: dc.read_values(x=[1]).map(z=lambda x: x, output=int)),
        (
            lambda: dc.sql("SELECT 1 AS a, 2 AS b"),
            lambda: dc.sql("SELECT 1 AS b, 2 AS a"),
        ),
        (lambda: allowing(None), lambda: allowing(1)),
    ],
)
def test_another_schema(
    first: Callable[[], dc.DataChain], second: Callable[[], dc.DataChain]
) -> None:
    assert is_unchanged(first(), first())
    assert not is_unchanged(first(), second())


def test_a_smaller_budget_for_errors_is_minded() -> None:
    allowing(1).save("saved")
    with pytest.raises(dc.DataChainError):
        allowing(0).save("saved")


def test_a_listing_of_another_type_or_name(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("a")
    assert is_unchanged(dc.read_storage(path), dc.read_storage(path))
    for changed in ({"type": "text"}, {"column": "other"}):
        versions = [
            dc.read_storage(path, **given).save("listed").version for given in ({}, changed)
        ]
        assert versions[0] != versions[1]
        assert type(dc.read_dataset("listed").to_list()[0][0]) is type(
            dc.read_storage(path, **changed).to_list()[0][0]
        )


def replace(path: Path, make: Callable[[Path], Any]) -> None:
    """Put another file in a file's place, with its times."""
    before = path.stat()
    other = path.with_name("other")
    make(other)
    assert other.stat().st_size == before.st_size
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    shutil.move(other, path)
    assert path.stat().st_mtime_ns == before.st_mtime_ns


def test_a_file_of_equal_size_and_time(tmp_path: Path) -> None:
    path = tmp_path / "files" / "a.txt"
    path.parent.mkdir()
    path.write_text("one")

    def text(file: dc.File) -> str:
        return file.read_text()

    def read() -> dc.DataChain:
        return dc.read_storage(path.parent, update=True).map(t=text).save("texts")

    assert read().to_values("t") == ["one"]
    assert read().version == read().version
    replace(path, lambda other: other.write_text("two"))
    assert read().to_values("t") == ["two"]


def test_a_listed_file_that_was_copied_with_its_time_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("one")
    [file] = dc.read_storage(path).to_values("file")
    replace(path, lambda other: shutil.copy(path, other))
    assert file.read_text() == "one"


@pytest.mark.parametrize("in_place", [False, True])
def test_parquet_of_equal_size_and_time(tmp_path: Path, in_place: bool) -> None:  # noqa: FBT001
    path = tmp_path / "x.parquet"

    def write(value: int, to: Path) -> None:
        pq.write_table(pa.table({"x": [value]}), to)

    write(1, path)
    chain = dc.read_parquet(path)
    assert is_unchanged(chain, dc.read_parquet(path))
    if in_place:
        before = path.stat()
        write(2, path)
        assert path.stat().st_size == before.st_size
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    else:
        replace(path, lambda other: write(2, other))
    assert dc.read_parquet(path).save("saved").to_values("x") == [2]


@pytest.mark.parametrize(
    "condition",
    ["x > (SELECT min(x) FROM s)", "x IN (SELECT max(x) FROM s)", "EXISTS (SELECT 1 FROM s)"],
)
def test_a_query_inside_of_an_expression(condition: str) -> None:
    dc.read_values(x=[1, 2, 3]).save("s")

    def run() -> dc.DataChain:
        return dc.sql(f"SELECT x FROM s WHERE {condition}").save("found")  # noqa: S608

    first = run()
    assert run().version == first.version
    dc.read_values(x=[2, 3, 4]).save("s")
    changed = run()
    assert changed.version != first.version
    assert changed.to_values("x") == run().to_values("x")


def test_the_version_that_a_query_inside_of_an_expression_reads() -> None:
    dc.read_values(x=[1, 2, 3]).save("rows")
    dc.read_values(y=[1]).save("least")
    query = "SELECT x FROM rows WHERE x > (SELECT max(y) FROM least)"
    assert dc.sql(query).save("found").to_values("x") == [2, 3]
    dc.read_values(y=[2]).save("least")
    assert dc.sql(query).save("found").to_values("x") == [3]


def test_the_order_of_arguments_is_that_of_the_columns() -> None:
    one = dc.read_values(x=[1]).mutate(a=C("x") + 1, b=C("x") + 2)
    two = dc.read_values(x=[1]).mutate(b=C("x") + 2, a=C("x") + 1)
    assert not is_unchanged(one, two)
