"""CSV files as chains."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import random
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

import lakebed as dc
from lakebed.exceptions import (
    CorruptDataError,
    DataChainParamsError,
    DatasetPrepareError,
    FileChangedError,
    LakebedError,
    MissingPathError,
    NotSupportedError,
    SignalResolvingError,
)

if TYPE_CHECKING:
    from pathlib import Path

    from servers import Store
    from servers.double_server import S3Double


def table(tmp_path: Path, text: str, **options: Any) -> dc.DataChain:
    path = tmp_path / "t.csv"
    path.write_bytes(text.encode())
    return dc.read_csv(path, source=False, **options)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1", "-2", ""], [1, -2, None]),
        (["1", "2.5"], [1.0, 2.5]),
        (["1e3", "inf", "NaN"], [1000.0, float("inf"), None]),
        (["true", "False", "NA"], [True, False, None]),
        (["2024-01-31"], [dt.date(2024, 1, 31)]),
        (["2024-01-31 10:30:00.5"], [dt.datetime(2024, 1, 31, 10, 30, 0, 500_000, dt.UTC)]),
        (
            ["2024-01-31T10:30:00+01:00"],
            [dt.datetime(2024, 1, 31, 9, 30, tzinfo=dt.UTC)],
        ),
        (["a", "null", '""', "ü"], ["a", None, None, "ü"]),
        (['"a,b"', '"c ""d"""', '"e\nf"'], ["a,b", 'c "d"', "e\nf"]),
        (["", ""], [None, None]),
        (["12345678901234567890"], ["12345678901234567890"]),
    ],
)
def test_types_are_what_values_have_in_common(
    tmp_path: Path, values: list[str], expected: list[Any]
) -> None:
    text = "n,x\n" + "".join(f"{n},{value}\n" for n, value in enumerate(values))
    found = table(tmp_path, text).to_values("x")
    if isinstance(expected[0], dt.datetime):
        found = [value.replace(tzinfo=expected[0].tzinfo) for value in found]
    assert found == expected
    assert [type(value) for value in found] == [type(value) for value in expected]


def test_names_become_identifiers(tmp_path: Path) -> None:
    chain = table(tmp_path, "First Name,age,with--dashes,,2nd\nAnn,3,x,y,z\n")
    assert list(chain.schema) == ["first_name", "age", "with_dashes", "c0", "c1_2nd"]
    assert chain.to_list() == [("Ann", 3, "x", "y", "z")]


def test_a_column_that_is_called_source(tmp_path: Path) -> None:
    text = "source,x\nweb,1\n"
    assert table(tmp_path, text).to_list("source") == [("web",)]
    chain = dc.read_csv(tmp_path / "t.csv")
    assert list(chain.schema) == ["source", "c0_source", "x"]
    assert chain.to_list("source.index", "c0_source") == [(0, "web")]


def test_rows_say_where_they_are_from(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x\n1\n2\n")
    (tmp_path / "b.csv").write_text("x\n3\n")
    chain = dc.read_csv(tmp_path)
    assert list(chain.schema) == ["source", "x"]
    rows = chain.to_list("source.file.path", "source.index", "x")
    assert rows == [("a.csv", 0, 1), ("a.csv", 1, 2), ("b.csv", 0, 3)]
    source = chain.to_values("source")[1]
    assert isinstance(source, dc.ArrowRow)
    assert source.file.read() == b"x\n1\n2\n"
    (listed,) = dc.read_storage(tmp_path / "a.csv").to_values("file")
    assert source.file == listed
    assert chain.select("x").to_list() == [(1,), (2,), (3,)]
    saved = chain.save("rows")
    assert saved.to_list("source.index", "x") == [(0, 1), (1, 2), (0, 3)]


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("1,10\n2,20\n", {"header": False, "output": ["a", "b"]}, None),
        ("x,y\n1,10\n2,20\n", {"output": ["a", "b"]}, None),
        ("a;b\n1;10\n2;20\n", {}, None),
        ("a b\n1 10\n2 20\n", {"delimiter": " "}, None),
        (
            "a,b\n1,10\nno\n2,20\n",
            {"parse_options": {"invalid_row_handler": lambda _: "skip"}},
            None,
        ),
        (
            "a,b\n'x\ny',10\n'z',20\n",
            {"parse_options": {"quote_char": "'"}},
            [{"a": "x\ny", "b": 10}, {"a": "z", "b": 20}],
        ),
    ],
)
def test_a_source_reads_its_row(
    tmp_path: Path, text: str, options: dict[str, Any], expected: list[dict[str, Any]] | None
) -> None:
    pytest.importorskip("pyarrow")
    path = tmp_path / "t.csv"
    path.write_bytes(text.encode())
    sources = dc.read_csv(path, **options).to_values("source")
    assert [row.read() for row in sources] == (expected or [{"a": 1, "b": 10}, {"a": 2, "b": 20}])


def test_a_source_in_a_packed_file_reads_its_row(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(b"a\n1\n2\n"))
    chain = dc.read_csv(tmp_path / "t.csv.gz")
    assert [row.read() for row in chain.to_values("source")] == [{"a": 1}, {"a": 2}]


class Pet(BaseModel):
    name: str
    age: int


def test_output_names_and_types_columns(tmp_path: Path) -> None:
    text = "name,age\ncat,3\ndog,\n"
    assert table(tmp_path, text, output=["n", "a"]).to_list("n", "a") == [("cat", 3), ("dog", None)]
    chain = table(tmp_path, text, output={"age": float})
    assert chain.to_list() == [(3.0,), (None,)]
    chain = table(tmp_path, text, output={"n": str, "a": str})
    assert chain.to_list() == [("cat", "3"), ("dog", None)]
    chain = table(tmp_path, "Name,AGE\ncat,3\n", output=Pet)
    assert chain.to_list("name", "age") == [("cat", 3)]
    chain = table(tmp_path, "cat,3\n", output=Pet, header=False, column="pet")
    assert chain.to_values("pet") == [Pet(name="cat", age=3)]
    with pytest.raises(DatasetPrepareError, match=r"3 names .* for 2 columns"):
        table(tmp_path, text, output={"a": str, "b": str, "c": str})
    with pytest.raises(DataChainParamsError, match="2 columns"):
        table(tmp_path, text, output=["a"])


def test_columns_may_be_nested(tmp_path: Path) -> None:
    chain = table(tmp_path, "name,age\ncat,3\ndog,\n", column="pet", model_name="Animal")
    pets = chain.to_values("pet")
    assert [(pet.name, pet.age) for pet in pets] == [("cat", 3), ("dog", None)]
    assert type(pets[0]).__name__ == "Animal"
    assert chain.filter(dc.C("pet.age") == 3).to_values("pet.name") == ["cat"]


def test_a_header_is_needed_or_names(tmp_path: Path) -> None:
    with pytest.raises(DatasetPrepareError, match="output= has the names"):
        table(tmp_path, "1,2\n", header=False)
    chain = table(tmp_path, "1,2\n", header=False, output={"a": int, "b": str})
    assert chain.to_list() == [(1, "2")]


@pytest.mark.parametrize("kind", ["string", "str", str, "large_string"])
def test_types_that_are_given(tmp_path: Path, kind: Any) -> None:
    chain = table(tmp_path, "zip,n\n02134,1\n", column_types={"zip": kind})
    assert chain.to_list("zip", "n") == [("02134", 1)]


def test_types_of_pyarrow(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    kinds = {
        "a": pa.int16(),
        "b": pa.timestamp("s"),
        "c": pa.decimal128(5, 1),
        "d": pa.date32(),
        "e": pa.time64("us"),
    }
    text = "a,b,c,d,e\n1,2024-01-31 10:00:00,1.5,2024-01-31,10:30:00.5\n"
    arrow = table(tmp_path, text, column_types=kinds).to_arrow()
    assert {name: arrow[name].type for name in kinds} == kinds
    with pytest.raises(NotSupportedError, match=r"list<item: int64>"):
        table(tmp_path, text, column_types={"a": pa.list_(pa.int64())})
    with pytest.raises(SignalResolvingError, match="`zip`"):
        table(tmp_path, text, column_types={"zip": str})


def test_a_later_value_of_another_type_is_told(tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    rows = 1_500_000
    path.write_text("x,y\n" + "".join(f"{n},a\n" for n in range(rows)) + "1.5,b\n")
    chain = dc.read_csv(path)
    with pytest.raises(
        LakebedError, match=rf"column `x` .* row {rows} .*large.csv` has `1.5`; .*flo"
    ):
        chain.sum("x")
    assert chain.count() == rows + 1
    assert dc.read_csv(path, column_types={"x": "float"}).sum("x") == rows * (rows - 1) / 2 + 1.5


def test_rows_that_do_not_fit_are_told_or_left_out(tmp_path: Path) -> None:
    text = "a,b\n1,2\n# note\n3,4\n"
    with pytest.raises(LakebedError, match=r"row 1 \(the first is 0\).*1 values for 2.*`# note`"):
        table(tmp_path, text).to_list()
    seen = []

    def handler(row: Any) -> str:
        seen.append(row)
        return "skip" if row.text.startswith("#") else "error"

    chain = table(tmp_path, text, parse_options={"invalid_row_handler": handler})
    assert chain.to_list() == [(1, 2), (3, 4)]
    assert (seen[0].expected_columns, seen[0].actual_columns, seen[0].text) == (2, 1, "# note")
    chain = table(tmp_path, "a,b\nx\n", parse_options={"invalid_row_handler": handler})
    with pytest.raises(LakebedError, match="`x`"):
        chain.to_list()

    def fails(row: Any) -> str:
        raise ZeroDivisionError(row.text)

    with pytest.raises(ZeroDivisionError, match="# note"):
        table(tmp_path, text, parse_options={"invalid_row_handler": fails}).to_list()


def test_options_are_checked(tmp_path: Path) -> None:
    text = "a\n1\n"
    for options in (
        {"delimiter": "::"},
        {"nrows": -1},
        {"parse_options": {"quote": "'"}},
        {"parse_options": {"invalid_row_handler": "skip"}},
        {"output": 3},
    ):
        with pytest.raises(DataChainParamsError):
            table(tmp_path, text, **options)
    with pytest.raises(NotSupportedError, match="encoding"):
        table(tmp_path, text, encoding="latin1")
    with pytest.raises(MissingPathError):
        dc.read_csv(tmp_path / "none.csv")
    with pytest.raises(CorruptDataError, match="empty"):
        table(tmp_path, "")


def test_some_rows_of_each_file(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x\n1\n2\n3\n")
    (tmp_path / "b.csv").write_text("x\n4\n")
    assert dc.read_csv(tmp_path, nrows=2).to_values("x") == [1, 2, 4]
    assert dc.read_csv(tmp_path, nrows=1).to_values("x") == [1, 4]
    assert dc.read_csv(tmp_path, nrows=0).count() == 0
    assert dc.read_csv(tmp_path).to_values("x") == [1, 2, 3, 4]


def test_files_have_the_same_columns(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    (tmp_path / "b.csv").write_text("y,x\n4,3\n")
    (tmp_path / "c.csv").write_text("")
    assert dc.read_csv(tmp_path).to_list("x", "y") == [(1, 2), (3, 4)]
    (tmp_path / "d.csv").write_text("x\n5\n")
    with pytest.raises(LakebedError, match=r"d\.csv` has no column `y` as `.*a\.csv` has"):
        dc.read_csv(tmp_path).to_list()


def test_the_same_question_is_answered_from_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("x\n1\n")

    calls = tmp_path / "calls"

    def double(x: int) -> int:
        with calls.open("a") as file:
            file.write("x")
        return 2 * x

    for _ in range(2):
        dc.read_csv(path).map(y=double).save("doubled")
    assert calls.read_text() == "x"
    path.write_text("x\n2\n")
    assert dc.read_csv(path).map(y=double).save("doubled").to_values("y") == [4]
    chain = dc.read_csv(path)
    path.write_text("x\n333\n")
    with pytest.raises(FileChangedError):
        chain.to_list()


def test_files_of_a_bucket(store: Store) -> None:
    store.put("t/a.csv", b"x,y\n1,a\n")
    store.put("t/b.csv.gz", gzip.compress(b"x,y\n2,b\n"))
    store.put("t/notes.txt", b"no table")
    chain = dc.read_csv(f"{store.uri}/t", client_config=store.client_config)
    assert chain.to_list("x", "y") == [(1, "a"), (2, "b")]
    first = chain.to_values("source")[0]
    assert (first.file.get_uri(), first.index) == (f"{store.uri}/t/a.csv", 0)
    assert first.file.read() == b"x,y\n1,a\n"
    assert dc.read_csv(f"{store.uri}/t/*.csv").save("t").to_values("y") == ["a"]


def test_a_file_of_a_bucket_that_changed_is_not_read(s3: S3Double) -> None:
    s3.put("a.csv", b"x\n1\n")
    chain = dc.read_csv(f"{s3.uri}/a.csv", client_config=s3.client_config)
    s3.put("a.csv", b"x\n2\n")
    with pytest.raises(FileChangedError, match=r"a\.csv"):
        chain.to_list()


_TEXTS = ["a", "", "b,c", 'd"e', "f\ng", "ü €", " h ", "'", "\\", "i;j", "\r\n", "0x1"]


def _rows(chance: random.Random, rows: int) -> list[list[Any]]:
    """Rows that mean the same to all readers of CSV."""

    def row(number: int) -> list[Any]:
        day = dt.date(1900, 1, 1) + dt.timedelta(chance.randrange(90_000))
        moment = dt.datetime(2000, 1, 1, tzinfo=dt.UTC) + dt.timedelta(
            microseconds=chance.randrange(10**15)
        )
        return [
            number,
            chance.choice([chance.randrange(-(10**18), 10**18), None]),
            chance.choice([chance.uniform(-1e9, 1e9), chance.random() * 1e-12, None]),
            chance.choice(["true", "false", None]),
            day,
            moment.replace(tzinfo=None).isoformat(sep=" "),
            chance.choice(_TEXTS) + str(chance.randrange(10**6)),
        ]

    return [row(number) for number in range(rows)]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_same_rows_as_duckdb_reads(tmp_path: Path, seed: int, end: str) -> None:
    duckdb = pytest.importorskip("duckdb")
    chance = random.Random(seed)  # noqa: S311  no secrets
    path = tmp_path / "t.csv"
    quoting = chance.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator=end, quoting=quoting)
        writer.writerow(["n", "i", "f", "b", "d", "m", "t"])
        writer.writerows(_rows(chance, 20_000))
    kinds = ["BIGINT", "BIGINT", "DOUBLE", "BOOLEAN", "DATE", "TIMESTAMP", "VARCHAR"]
    types = dict(zip("nifbdmt", kinds, strict=True))
    read = duckdb.read_csv(path, header=True, quotechar='"', escapechar='"', dtype=types)
    expected = read.fetchall()
    found = dc.read_csv(path, source=False).to_list()
    plain = [
        tuple(v.replace(tzinfo=None) if isinstance(v, dt.datetime) else v for v in row)
        for row in found
    ]
    assert len(plain) == 20_000
    assert plain == expected
