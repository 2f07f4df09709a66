"""`sql`: statements that make versions, remove datasets and write files."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

import lakebed as dc

if TYPE_CHECKING:
    from pathlib import Path


class Box(BaseModel):
    left: int
    label: str | None


def rows(text: str, *values: Any, **named: Any) -> list[tuple[Any, ...]]:
    return dc.sql(text, *values, **named).to_list()


def check_refused(text: str, expected: str, **named: Any) -> None:
    with pytest.raises(dc.LakebedError, match=expected):
        dc.sql(text, **named)


@pytest.fixture
def t() -> None:
    dc.read_values(id=[1, 2, 3], word=["a", "b", None], x=[0.5, 1.5, 2.5]).save("t")


def test_create_makes_a_dataset(chain: dc.DataChain) -> None:
    made = dc.sql("CREATE TABLE big AS SELECT name, size FROM t WHERE size > $1", 3, t=chain)
    assert (made.name, made.version) == ("big", "1.0.0")
    assert made.to_list() == [("dog", 5), ("fox", 4)]
    check_refused("CREATE TABLE big AS SELECT 1 AS a", r"`big` exists, its version is `1\.0\.0`")
    again = dc.sql("CREATE TABLE IF NOT EXISTS big AS SELECT 1 AS a")
    assert (again.version, again.count()) == ("1.0.0", 2)
    new = dc.sql("CREATE OR REPLACE TABLE big AS SELECT 1 AS a")
    assert (new.version, new.to_list()) == ("1.0.1", [(1,)])
    assert rows('SELECT count(*) FROM "big@1.0.0"') == [(2,)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CREATE TABLE y", "CREATE TABLE without columns is not supported"),
        ("CREATE TABLE y (a INT UNIQUE)", "CREATE TABLE with other clauses"),
        ("CREATE TABLE y AS SELECT 1 AS sys", "`sys` is the name of a column that every row has"),
        ("CREATE TEMPORARY TABLE y AS SELECT 1", "CREATE TABLE with other clauses"),
        ("CREATE TABLE system.x.y AS SELECT 1", "the namespace `system` is reserved"),
        ('CREATE TABLE "y@1.0.0" AS SELECT 1', "versions stay as they are"),
        ("INSERT INTO t DEFAULT VALUES", "INSERT without a table and rows"),
        ("INSERT INTO t VALUES (4, 'd', 1) RETURNING id", "INSERT with other clauses"),
        ("UPDATE t SET x = 1 FROM u", r"UPDATE … FROM is not supported; MERGE INTO"),
        ("UPDATE t SET word.a = 1", "SET of the field `word.a`"),
        ("UPDATE t SET x = 1, x = 2", "`x` is set twice"),
        ("DELETE FROM t USING u WHERE true", "DELETE with other clauses"),
        ("DROP VIEW t", "`t` is a dataset; hint: DROP TABLE removes it"),
        ("DROP SCHEMA t", "DROP SCHEMA is not supported; DROP TABLE removes"),
        ("ALTER TABLE t ADD COLUMN z INT", "`ALTER` is not supported; statements are"),
        ("BEGIN", "is not supported; statements are"),
        (
            "MERGE INTO t USING t s ON t.id = s.id WHEN NOT MATCHED THEN INSERT VALUES (1)",
            "1 values",
        ),
    ],
)
@pytest.mark.usefixtures("t")
def test_what_is_not_supported_is_named(text: str, expected: str) -> None:
    check_refused(text, expected)
    assert dc.read_dataset("t").version == "1.0.0"


@pytest.mark.usefixtures("t")
def test_insert_adds_rows() -> None:
    made = dc.sql("INSERT INTO t VALUES (4, 'd', 3.5), (5, NULL, 4)")
    assert made.version == "1.0.1"
    assert made.to_list("id") == [(1,), (2,), (3,), (4,), (5,)]
    made = dc.sql("INSERT INTO t (x, id) SELECT x + 10, id FROM t WHERE id = $1", 1)
    assert made.to_list()[-1] == (1, None, 10.5)
    info = made.dataset
    assert info is not None
    assert (info.num_added, info.num_replaced, info.num_dropped) == (1, 0, 0)
    assert rows("INSERT INTO t SELECT * FROM t WHERE false") == made.to_list()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("INSERT INTO t VALUES ('a', 'b', 1)", "column `id` is int64"),
        ("INSERT INTO t VALUES (1.5, 'b', 1)", "column `id` is int64"),
        ("INSERT INTO t VALUES (1, 2, 1)", "column `word` is str"),
        ("INSERT INTO t VALUES (1)", "the table has 3"),
        ("INSERT INTO t (id, x) VALUES (1)", "1 values are given for 2 columns"),
        ("INSERT INTO t (id, id) VALUES (1, 2)", "`id` is named twice"),
        ("INSERT INTO t (nope) VALUES (1)", "`t` has no column `nope`"),
        ("INSERT INTO t (word) VALUES ('a')", "column `id` takes no nulls"),
        ("INSERT INTO t VALUES (NULL, 'a', 1)", "`id` takes no nulls"),
        ("INSERT INTO nope VALUES (1)", "dataset `nope` does not exist"),
    ],
)
@pytest.mark.usefixtures("t")
def test_values_must_fit_their_columns(text: str, expected: str) -> None:
    check_refused(text, expected)
    assert dc.read_dataset("t").version == "1.0.0"


def test_models_are_inserted_by_the_names_of_their_fields() -> None:
    dc.read_values(id=[1], box=[Box(left=1, label="a")], emb=[[1.0, 2.0]]).save("boxes")
    dc.sql("INSERT INTO boxes VALUES (2, named_struct('label', NULL, 'left', 7), [3.0, 4.0])")
    dc.sql("INSERT INTO boxes SELECT id + 2, box, emb FROM boxes")
    dc.sql("UPDATE boxes SET emb = [9.0, 9.0] WHERE box.left = 7 AND id = 4")
    found = dc.read_dataset("boxes").order_by("id")
    assert found.to_values("box") == [Box(left=1, label="a"), Box(left=7, label=None)] * 2
    assert [list(emb) for emb in found.to_values("emb")] == [[1, 2], [3, 4], [1, 2], [9, 9]]
    check_refused(
        "INSERT INTO boxes VALUES (3, named_struct('left', NULL, 'label', 'x'), [1.0, 1.0])",
        r"`box\.left` takes no nulls",
    )
    check_refused(
        "INSERT INTO boxes VALUES (3, named_struct('lft', 1), [1.0, 1.0])", "column `box`"
    )


@pytest.mark.usefixtures("t")
def test_delete_leaves_rows_out() -> None:
    made = dc.sql("DELETE FROM t WHERE x > (SELECT avg(x) FROM t)")
    assert (made.version, made.to_list("id")) == ("1.0.1", [(1,), (2,)])
    assert made.dataset is not None
    assert made.dataset.num_dropped == 1
    assert dc.sql("DELETE FROM t AS old WHERE old.word = 'zzz'").version == "1.0.1"
    assert dc.sql("DELETE FROM t").count() == 0
    assert dc.read_dataset("t", version="1.0.0").count() == 3


@pytest.mark.usefixtures("t")
def test_update_replaces_rows() -> None:
    made = dc.sql("UPDATE t SET x = x * 2, word = coalesce(word, $1) WHERE id >= 2", "none")
    assert sorted(made.to_list()) == [(1, "a", 0.5), (2, "b", 3.0), (3, "none", 5.0)]
    assert made.dataset is not None
    assert (made.dataset.num_added, made.dataset.num_replaced) == (0, 2)
    assert dc.sql("UPDATE t SET x = 0 WHERE id = 99").version == "1.0.1"
    with pytest.raises(dc.LakebedError, match="`id` takes no nulls"):
        dc.sql("UPDATE t SET id = NULL WHERE id = 1")
    # what is chosen by chance is chosen once
    made = dc.sql("UPDATE t SET x = -1 WHERE random() < 0.5")
    assert made.count() == 3


@pytest.mark.usefixtures("t")
def test_update_calls_functions_of_the_session() -> None:
    dc.register_udf("twice", lambda word: word and word * 2, output=str)
    dc.sql("UPDATE t SET word = twice(word) WHERE twice(word) = 'bb'")
    assert sorted(dc.read_dataset("t").to_list("id", "word")) == [(1, "a"), (2, "bb"), (3, None)]


@pytest.mark.usefixtures("t")
def test_merge_updates_inserts_and_deletes() -> None:
    new = dc.read_values(id=[2, 3, 4, 5], word=["B", "C", "D", None])
    made = dc.sql(
        "MERGE INTO t AS old USING new ON old.id = new.id "
        "WHEN MATCHED AND new.word = 'C' THEN DELETE "
        "WHEN MATCHED THEN UPDATE SET word = new.word || old.word "
        "WHEN NOT MATCHED AND new.word IS NOT NULL "
        "THEN INSERT (id, x, word) VALUES (new.id, 9, new.word) "
        "WHEN NOT MATCHED BY SOURCE THEN UPDATE SET x = 0",
        new=new,
    )
    assert sorted(made.to_list()) == [(1, "a", 0.0), (2, "Bb", 1.5), (4, "D", 9.0)]
    info = made.dataset
    assert info is not None
    assert (info.num_added, info.num_replaced, info.num_dropped) == (1, 2, 1)


@pytest.mark.usefixtures("t")
def test_merge_refuses_what_has_no_one_answer() -> None:
    new = dc.read_values(id=[2, 2], word=["B", "C"])
    text = "MERGE INTO t USING new ON t.id = new.id WHEN MATCHED THEN UPDATE SET word = new.word"
    check_refused(text, "several rows of the source match one of `t`", new=new)
    text = "MERGE INTO t USING new ON random() < 0.5 WHEN MATCHED THEN DELETE"
    check_refused(text, r"`random\(\)` in MERGE", new=new)


def test_drop_removes_all_versions(chain: dc.DataChain) -> None:
    chain.save("pets")
    chain.limit(1).save("pets")
    assert rows("DROP TABLE pets") == [("pets", "1.0.0"), ("pets", "1.0.1")]
    check_refused("DROP TABLE pets", "dataset `pets` does not exist")
    assert rows("DROP TABLE IF EXISTS pets") == []


@pytest.mark.parametrize("name", ["a.parquet", "a.csv", "a.json", "a.jsonl"])
def test_copy_writes_a_file(chain: dc.DataChain, tmp_path: Path, name: str) -> None:
    target = str(tmp_path / name)
    text = f"COPY (SELECT name, size FROM t WHERE size > $1) TO '{target}'"  # noqa: S608
    assert rows(text, 3, t=chain) == [(target,)]
    assert rows(f"SELECT * FROM '{target}'") == [("dog", 5), ("fox", 4)]  # noqa: S608


def test_copy_says_what_it_cannot_write(chain: dc.DataChain, tmp_path: Path) -> None:
    check_refused(f"COPY t TO '{tmp_path}/a.xls'", "COPY writes .*not `", t=chain)
    check_refused(
        f"COPY t TO '{tmp_path}/a.csv' OPTIONS ('a' 'b')", "COPY with PARTITIONED", t=chain
    )
    dc.sql(f"COPY t TO '{tmp_path}/a.out' STORED AS csv", t=chain)
    assert (tmp_path / "a.out").read_text().startswith("name,size,tame")


def test_writers_do_not_lose_each_others_rows() -> None:
    dc.read_values(x=[0]).save("n")
    failed: list[BaseException] = []

    def insert(value: int) -> None:
        try:
            dc.sql("INSERT INTO n VALUES ($1)", value)
            dc.sql("UPDATE n SET x = x + 100 WHERE x = $1", value)
        except BaseException as error:  # noqa: BLE001
            failed.append(error)

    threads = [threading.Thread(target=insert, args=(value,)) for value in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert sorted(dc.read_dataset("n").to_values("x")) == [0, 101, 102, 103, 104]


def test_what_happened_is_told(chain: dc.DataChain, capsys: pytest.CaptureFixture[str]) -> None:
    chain.save("pets")
    dc.sql("DELETE FROM pets WHERE size = 3")
    dc.sql("INSERT INTO pets VALUES ('ant', 1, false)")
    told = capsys.readouterr()
    assert "pets@1.0.1" in told.out + told.err
    assert "1 dropped" in told.out + told.err
    assert "+1 records" in told.out + told.err


def test_of_two_who_create_a_dataset_one_does() -> None:
    together = threading.Barrier(4)
    ends: list[str] = []

    def create(value: int) -> None:
        together.wait()
        try:
            dc.sql("CREATE TABLE n AS SELECT $1 AS x", value)
            ends.append("made")
        except dc.LakebedError as error:
            ends.append(type(error).__name__)

    dc.read_values(x=[0]).save("other")
    threads = [threading.Thread(target=create, args=(value,)) for value in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ends.count("made") == 1
    assert rows("SELECT versions FROM lakebed.datasets WHERE name = 'n'") == [(1,)]


def test_a_name_that_was_dropped_can_be_made_again(chain: dc.DataChain) -> None:
    chain.save("pets")
    dc.sql("DROP TABLE pets")
    check_refused("INSERT INTO pets VALUES ('ant', 1, true)", "`pets` does not exist")
    assert dc.sql("CREATE TABLE pets AS SELECT 1 AS x").version == "1.0.1"


def test_functions_and_files_are_read_where_rows_are_written(
    chain: dc.DataChain, tmp_path: Path
) -> None:
    chain.to_csv(tmp_path / "more.csv")
    chain.save("pets")
    dc.register_udf("shout", lambda name: name.upper(), output=str)
    text = f"INSERT INTO pets SELECT shout(name), size, tame FROM '{tmp_path}/more.csv'"  # noqa: S608
    assert dc.sql(text).to_values("name")[4:] == ["CAT", "DOG", "EEL", "FOX"]


def test_of_two_who_create_unless_it_is_there_both_have_it() -> None:
    makers = 8
    barrier = threading.Barrier(makers)
    found: list[tuple[Any, ...]] = []

    def make(at: int) -> None:
        barrier.wait()
        made = dc.sql("CREATE TABLE IF NOT EXISTS once AS SELECT $1 AS maker", at)
        found.append((made.version, *made.to_list()))

    threads = [threading.Thread(target=make, args=(at,)) for at in range(makers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == makers
    assert len(set(found)) == 1
    assert rows("SELECT count(*) FROM lakebed.versions WHERE name = 'once' AND rows = 1") == [(1,)]


def test_create_with_columns_makes_an_empty_dataset() -> None:
    assert dc.sql("CREATE TABLE kept (id INT, word TEXT, tags TEXT[])").to_list() == []
    added = dc.sql("INSERT INTO kept (word, id) VALUES ('a', 1)")
    assert added.to_list() == [(1, "a", None)]


def test_a_view_is_of_the_folder_that_it_was_made_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKEBED_PROJECT", "lab.deep")
    dc.read_values(id=[1, 2]).save("numbers")
    dc.sql("CREATE VIEW ones AS SELECT id FROM numbers WHERE id = 1")
    monkeypatch.delenv("LAKEBED_PROJECT")
    assert rows("SELECT * FROM lab.deep.ones") == [(1,)]
    check_refused("SELECT * FROM ones", "dataset `ones` does not exist")


@pytest.mark.usefixtures("t")
def test_a_view_calls_functions_of_the_session_that_reads_it() -> None:
    def shout(word: str) -> str:
        return f"{word}!"

    dc.register_udf("shout", shout)
    dc.sql("CREATE VIEW loud AS SELECT shout(word) AS loud FROM t WHERE id = 1")
    assert rows("SELECT loud FROM loud") == [("a!",)]


@pytest.mark.usefixtures("t")
def test_what_is_saved_of_a_view_knows_its_sources() -> None:
    dc.sql("CREATE VIEW of_t AS SELECT id FROM t")
    dc.sql("CREATE TABLE copied AS SELECT * FROM of_t")
    sources = rows("SELECT source_name, source_version FROM lakebed.dependencies")
    assert sources == [("t", "1.0.0")]


@pytest.mark.usefixtures("t")
def test_a_view_of_what_is_given_is_refused(chain: dc.DataChain, tmp_path: Path) -> None:
    chain.to_csv(tmp_path / "more.csv")
    text = f"CREATE VIEW v AS SELECT * FROM '{tmp_path}/more.csv'"  # noqa: S608
    check_refused(text, "a view of files is not supported")
    check_refused("CREATE VIEW v AS SELECT $one AS a", "a view with parameters", one=1)
    check_refused("CREATE VIEW v AS SELECT * FROM c", "a view of chains is not supported", c=chain)
