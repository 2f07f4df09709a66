"""After any changes of its sources, an updated dataset holds what a full run would give."""

from __future__ import annotations

import hashlib
import math
import os
import shutil
import tempfile
import uuid
from collections import Counter
from collections.abc import Iterator  # noqa: TC003  the annotations are read
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, reject, settings
from hypothesis import strategies as st

import lakebed as dc
from lakebed import C, func
from lakebed.exceptions import NotSupportedError

if TYPE_CHECKING:
    from collections.abc import Callable

UPDATES = int(os.environ.get("LAKEBED_TEST_CHAINS", "20"))
WIDE = 1 << 18
"""Bytes of a row that is worth to be saved by reference, if there are some."""

Row = tuple[str | None, float | None]
Rows = dict[str, Row]
Labels = dict[tuple[str, int], str]

ids = st.integers(0, 9).map(str)
groups = st.none() | st.sampled_from(["a", "b", "ü", ""])
values = st.none() | st.sampled_from([0.0, 1.0, 2.5, -1.0, math.nan])
row = st.tuples(groups, values)
label = st.tuples(st.sampled_from(["a", "b", "ü"]), st.integers(0, 1))


class State(NamedTuple):
    """What becomes of the sources, and what happens on the way."""

    one: dict[str, Row | None]
    two: dict[str, Row | None]
    labels: dict[tuple[str, int], str | None]
    factor: int
    """The code of the functions."""
    healed: frozenset[str]
    """Rows of which functions fail no more."""
    fails: str
    """The row at which the run ends, the first time."""
    collects: str


def changes_of(keys: st.SearchStrategy[Any], kept: st.SearchStrategy[Any]) -> Any:
    """Rows that are there from now on; None for those that are gone."""
    return st.dictionaries(keys, kept | st.none(), max_size=4)


first = st.builds(
    State,
    st.dictionaries(ids, row, max_size=8),
    st.dictionaries(ids, row, max_size=4),
    st.dictionaries(label, st.sampled_from("AB"), max_size=4),
    st.just(1),
    st.just(frozenset()),
    st.just(""),
    st.just(""),
)
later = st.builds(
    State,
    changes_of(ids, row),
    changes_of(ids, row),
    changes_of(label, st.sampled_from("AB")),
    st.sampled_from([1, 1, 1, 2, 3]),
    st.frozensets(ids, max_size=6),
    st.just("") | ids,
    st.sampled_from(["", "", "gc", "compact"]),
)
states_ = st.tuples(first, st.lists(later, min_size=1, max_size=3)).map(lambda it: [it[0], *it[1]])


# The functions; what changes between runs but is not their code or input stands among secrets in
# the environment


def times(factor: int) -> Callable[[str | None, float | None], float | None]:
    def product(id: str | None, v: float | None) -> float | None:
        if id is not None and os.environ.get("TOKEN_FAILS") == id:
            raise RuntimeError(id)
        return None if v is None else v * factor

    return product


def flaky(id: str | None) -> str:
    if id in os.environ["TOKEN_BROKEN"].split():
        raise ValueError(id)
    return f"{id}!"


def checked(id: str | None) -> str | None:
    return "broken" if id in os.environ["TOKEN_BROKEN"].split() else None


def careful(v: float | None) -> float:
    return 1 / (v or 0.0)


def copies(id: str | None, k: str | None) -> Iterator[str]:
    for at in range(len(id or "") + len(k or "")):
        yield f"{k}{at}"


def joined(k: list[str], n: list[str]) -> Iterator[str]:
    yield f"{k[0]}:{','.join(map(str, n))}"


def kind_of(file: dc.File) -> str | None:
    kind = file.read_text().split("|")[0]
    return None if kind == "None" else kind


def value_of(file: dc.File) -> float | None:
    value = file.read_text().split("|")[1]
    return None if value == "None" else float(value)


Step = tuple[str, Any]
AGGREGATES: dict[str, Callable[[], Any]] = {
    "s": lambda: func.sum("v"),
    "low": lambda: func.min("v"),
    "high": lambda: func.max("id"),
    "a": lambda: func.avg("v"),
    "d": lambda: func.count_distinct("id"),
    "m": lambda: func.median("v"),
    "var": lambda: func.variance("v"),
    "all": lambda: func.bool_and(C("v") > 0),
    "by": lambda: func.max_by("k", "id"),
}
ROW_WISE: dict[str, Callable[[dc.DataChain, Any], dc.DataChain]] = {
    "filter": lambda chain, x: chain.filter(C("v") > x),
    "mutate": lambda chain, x: chain.mutate(w=C("v") + x),
    "select": lambda chain, _: chain.select(
        *(name for name in ("v", "k", "id", "file", "error") if name in chain.schema)
    ),
    "map": lambda chain, x: chain.map(m=times(x), params=["id", "v"], output=float | None),
    "gen": lambda chain, _: chain.gen(g=copies, keep=True),
    "careful": lambda chain, x: chain.settings(on_error=["skip", "null", "record"][x]).map(
        careful=careful
    ),
}
WINDOWS: dict[str, Callable[[dc.DataChain, Any], dc.DataChain]] = {
    "window": lambda chain, x: chain.mutate(
        ranked=[func.count(), func.rank(), func.sum("v")][x].over(
            func.window(partition_by="k", order_by="id")
        )
    ),
}
FAILING: dict[str, Callable[[dc.DataChain, Any], dc.DataChain]] = {
    "flaky": lambda chain, x: chain.settings(on_error=["skip", "record"][x % 2]).map(f=flaky),
    "checked": lambda chain, _: chain.map(error=checked),
}
GROUPS: dict[str, Callable[[dc.DataChain, Any], dc.DataChain]] = {
    "group_by": lambda chain, names: chain.group_by(
        n=func.count(), **{name: AGGREGATES[name]() for name in names}, partition_by="k"
    ),
    "group_all": lambda chain, names: chain.group_by(
        n=func.count(), **{name: AGGREGATES[name]() for name in names}
    ),
    "agg": lambda chain, _: chain.order_by("id").agg(
        j=joined, params=["k", "id"], partition_by="k", keep="k"
    ),
    "distinct": lambda chain, _: chain.distinct("k"),
}
LAST: dict[str, Callable[[dc.DataChain, Any], dc.DataChain]] = {
    "rename": lambda chain, _: chain.mutate(name=C("id")),
    "order_by": lambda chain, keys: chain.order_by(
        *(C(name).desc() if down else C(name).asc() for name, down in keys)
    ),
}
STEPS = ROW_WISE | WINDOWS | FAILING | GROUPS | LAST
HOWS = ["left", "inner", "full", "right", "semi", "anti"]
names_ = st.lists(st.sampled_from(sorted(AGGREGATES)), max_size=4, unique=True)


def keys_(columns: list[str]) -> st.SearchStrategy[list[tuple[str, bool]]]:
    pair = st.tuples(st.sampled_from(columns), st.booleans())
    return st.lists(pair, min_size=1, max_size=2, unique_by=lambda pair: pair[0])


def some(draw: st.DrawFn, names: Any, most: int) -> list[Step]:
    step = st.tuples(st.sampled_from(sorted(names)), st.integers(0, 2))
    return draw(st.lists(step, max_size=most, unique_by=lambda step: step[0]))


def put(draw: st.DrawFn, steps: list[Step], *added: Step) -> None:
    for step in added:
        steps.insert(draw(st.integers(0, len(steps))), step)


@st.composite
def steps_(draw: st.DrawFn) -> list[Step]:
    steps = some(draw, ROW_WISE | WINDOWS, 3)
    if draw(st.booleans()):
        put(draw, steps, ("merge", draw(st.tuples(st.sampled_from(HOWS), st.booleans()))))
    if draw(st.integers(0, 3)) == 0:
        put(draw, steps, ("meet", draw(st.tuples(st.sampled_from(HOWS), st.booleans()))))
    if draw(st.integers(0, 3)) == 0:
        put(draw, steps, ("subtract", draw(st.tuples(st.just("k"), st.booleans()))))
    if draw(st.integers(0, 3)) == 0:
        put(draw, steps, *some(draw, FAILING, 1))
    if draw(st.booleans()):
        steps.insert(0, ("union", None))
    columns = ["id", "k", "v"]
    if draw(st.booleans()) and "checked" not in {step for step, _ in steps}:
        name = draw(st.sampled_from(sorted(GROUPS)))
        # which row is the first one of a merge may differ each time
        if name != "distinct" or not {"merge", "meet"} & {step for step, _ in steps}:
            steps.append((name, draw(names_)))
            columns = columns if name == "distinct" else [] if name == "group_all" else ["k"]
    if columns and draw(st.booleans()):
        steps.append(("order_by", draw(keys_(columns))))
    elif columns == ["id", "k", "v"] and draw(st.booleans()):
        steps.append(("rename", None))
    return steps


class Lake:
    """Two sources with keys, labels without, and what is made of them."""

    def __init__(self, steps: list[Step], source: str = "overwrite") -> None:
        self.steps, self.source = steps, source
        self.name = uuid.uuid4().hex
        self.folder = Path(tempfile.mkdtemp()) if source == "files" else None
        self.one: Rows = {}
        self.two: Rows = {}
        self.labels: Labels = {}
        self.factor = 1
        self.older: list[tuple[str, str, list[Any]]] = []

    def become(self, state: State) -> None:
        two = {f"1{key}": row for key, row in state.two.items()}
        changed: list[tuple[dict[Any, Any], dict[Any, Any]]] = [
            (self.one, state.one),
            (self.two, two),
            (self.labels, state.labels),
        ]
        for known, changes in changed:
            known.update(changes)
            for key in [key for key, kept in known.items() if kept is None]:
                del known[key]
        self.factor = state.factor
        self.keep("one", self.one)
        self.keep("two", self.two)
        self.keep_labels(self.labels)

    def keep(self, name: str, rows: Rows) -> None:
        # which row is the first one shall not depend on what was changed when
        rows = dict(sorted(rows.items()))
        if self.folder is not None:
            return self.keep_files(self.folder / name, rows)
        columns = [list(rows), [k for k, _ in rows.values()], [v for _, v in rows.values()]]
        kinds, names = [pa.string(), pa.string(), pa.float64()], ["id", "k", "v"]
        if self.source == "wide":
            columns.append([hashlib.shake_128(key.encode()).digest(WIDE) for key in rows])
            kinds, names = [*kinds, pa.binary()], [*names, "blob"]
        arrays = [pa.array(column, kind) for column, kind in zip(columns, kinds, strict=True)]
        chain = dc.read_arrow(pa.table(arrays, names=names))
        if self.source == "overwrite":
            chain.save(f"{name}_{self.name}")
            return None
        # versions that share what did not change
        chain.save(f"raw_{name}_{self.name}")
        delta: Any = {"delta": True, "delta_on": "id", "delta_deleted": "drop"}
        if self.source == "wide":
            delta["delta_compare"] = ["k", "v"]
        dc.read_dataset(f"raw_{name}_{self.name}", **delta).save(f"{name}_{self.name}")
        return None

    def keep_files(self, folder: Path, rows: Rows) -> None:
        folder.mkdir(exist_ok=True)
        for path in folder.iterdir():
            if path.name not in rows:
                path.unlink()
        for name, (k, v) in rows.items():
            path, text = folder / name, f"{k}|{v}"
            if not path.exists() or path.read_text() != text:
                path.write_text(text)

    def keep_labels(self, labels: Labels) -> None:
        rows = sorted((k, at, name) for (k, at), name in labels.items())
        columns = [[row[at] for row in rows] for at in range(3)]
        kinds = [pa.string(), pa.int64(), pa.string()]
        arrays = [pa.array(column, kind) for column, kind in zip(columns, kinds, strict=True)]
        chain = dc.read_arrow(pa.table(arrays, names=["k", "at", "label"]))
        chain.save(f"labels_{self.name}")

    def read(self, name: str, **delta: Any) -> dc.DataChain:
        if self.folder is None:
            if delta:
                delta["delta_on"] = "id"
                if self.source == "wide":
                    delta.setdefault("delta_compare", ["k", "v"])
            return self.begun(dc.read_dataset(f"{name}_{self.name}", **delta), delta)
        if delta:
            delta["delta_on"] = "file.path"
            delta.pop("delta_compare", None)
        chain = self.begun(dc.read_storage(self.folder / name, **delta), delta)
        return chain.map(k=kind_of).map(v=value_of).mutate(id=C("file.path"))

    @staticmethod
    def begun(chain: dc.DataChain, delta: dict[str, Any]) -> dc.DataChain:
        # a full run takes nothing from other runs
        return chain if delta else chain.settings(ephemeral=True)

    def chain(self, **delta: Any) -> dc.DataChain:
        chain = self.read("one", **delta)
        for step, how in self.steps:
            chain = self.step(chain, step, how, delta)
        return chain

    def step(self, chain: dc.DataChain, step: str, how: Any, delta: dict[str, Any]) -> dc.DataChain:
        if step == "union":
            # the second source has other keys
            return chain.union(self.read("two", **delta))
        if step in {"merge", "subtract"}:
            key = {"delta_on": ["k", "at"], "delta_compare": None, "delta_retry": False}
            labels = dc.read_dataset(
                f"labels_{self.name}", **({**delta, **key} if how[1] and delta else {})
            )
            if step == "subtract":
                return chain.subtract(labels, on="k")
            return chain.merge(labels, on="k", how=how[0])
        if step == "meet":
            two = self.read("two", **({**delta, "delta_retry": False} if how[1] and delta else {}))
            if self.source == "wide":
                # what has no keys is known by all that it is
                two = two.select("id", "k", "v")
            return chain.merge(two, on="k", how=how[0], rname="two_")
        return STEPS[step](chain, self.factor if step == "map" else how)

    def full(self) -> dc.DataChain:
        """What nothing was kept for."""
        return self.chain()

    def retry(self) -> bool | str:
        steps = {step for step, _ in self.steps}
        return "error" if "checked" in steps else "flaky" in steps

    def update(self, **delta: Any) -> dc.DataChain:
        options = {"delta_deleted": "drop", "delta_retry": self.retry(), **delta}
        return self.chain(delta=True, **options).save(f"made_{self.name}")

    def fail(self, fails: str, **delta: Any) -> None:
        """Begin an update that ends at a row, if it comes to it."""
        steps = {step for step, _ in self.steps}
        if not fails or "map" not in steps or steps & {"careful", "flaky"}:
            return
        os.environ["TOKEN_FAILS"] = fails
        try:
            self.update(**delta)
        except RuntimeError:
            pass
        finally:
            del os.environ["TOKEN_FAILS"]

    def check_older(self) -> None:
        for name, version, rows in self.older:
            assert rows_of(dc.read_dataset(name, version=version)) == rows, (name, version)

    def remember(self, made: dc.DataChain) -> None:
        also = dc.read_dataset(f"made_{self.name}").mutate(also=1).save(f"also_{self.name}")
        for chain in (made, also):
            known = [(name, version) for name, version, _ in self.older]
            name, version = str(chain.name), str(chain.version)
            if (name, version) not in known:
                self.older.append((name, version, rows_of(chain)))

    def collect(self, how: str) -> None:
        if how:
            dc.gc(ttl=0, compact=how == "compact")
            self.check_older()

    def end(self) -> None:
        """What was made stays as it is without its sources."""
        kept = {f"{name}_{self.name}" for name in ("made", "also")}
        for name in set(dc.datasets().to_values("name")) - kept:
            dc.delete_dataset(name, force=True)
        dc.gc(ttl=0)
        self.check_older()
        for name in set(dc.datasets().to_values("name")):
            dc.delete_dataset(name, force=True)
        if self.folder is not None:
            shutil.rmtree(self.folder)


def shown(value: Any) -> str:
    return repr(hashlib.sha1(value).hexdigest() if isinstance(value, bytes) else value)  # noqa: S324


def rows_of(chain: dc.DataChain) -> list[tuple[str, ...]]:
    return [tuple(map(shown, row.values())) for row in chain.to_records()]


def assert_same(lake: Lake, made: dc.DataChain) -> None:
    expected = lake.full()
    assert Counter(rows_of(made)) == Counter(rows_of(expected))
    for step, keys in lake.steps:
        if step == "order_by":
            columns = [name for name, _ in keys]
            found = rows_of(made.select(*columns))
            assert found == rows_of(expected.select(*columns))


def examples(most: int) -> Any:
    return settings(
        max_examples=most,
        phases=[Phase.explicit, Phase.reuse, Phase.generate],
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


sources_ = st.sampled_from(["overwrite", "overwrite", "update", "files", "wide"])


@pytest.mark.timeout(60 + 2 * UPDATES)
@examples(UPDATES)
@given(steps=steps_(), source=sources_, states=states_, broken=st.frozensets(ids, max_size=6))
def test_an_update_is_what_a_full_run_gives(steps, source, states, broken):
    lake = Lake(steps, source)
    for state in states:
        broken -= state.healed
        os.environ["TOKEN_BROKEN"] = " ".join(sorted(broken))
        lake.become(state)
        try:
            lake.fail(state.fails, delta_code="rebuild")
            made = lake.update(delta_code="rebuild")
        except NotSupportedError:
            # refused by name; never after an update that was not
            assert not lake.older
            reject()
        assert_same(lake, made)
        lake.check_older()
        lake.remember(made)
        lake.collect(state.collects)
    lake.end()


@st.composite
def row_wise_(draw: st.DrawFn) -> list[Step]:
    steps = some(draw, ROW_WISE, 3)
    if draw(st.booleans()):
        how = st.sampled_from(["left", "inner", "semi", "anti"])
        put(draw, steps, ("merge", draw(st.tuples(how, st.booleans()))))
    return steps


options_ = st.fixed_dictionaries(
    {
        "delta_deleted": st.sampled_from(["keep", "drop"]),
        "delta_code": st.sampled_from(["ignore", "warn", "ignore", "rebuild"]),
    }
)


def touched(
    one: tuple[Rows, Rows], labels: tuple[Labels, Labels], compare: str | None, *, keeps: bool
) -> set[str]:
    """The rows that differ, or stand beside some that do, or did where these are not kept."""
    (then, now), of = one, slice(None) if compare is None else slice(1)
    new = {key for key in now if key not in then or repr(then[key][of]) != repr(now[key][of])}
    there = labels[1].keys() if keeps else labels[0].keys() | labels[1].keys()
    differ = {key for key in there if labels[0].get(key) != labels[1].get(key)}
    return new | {key for key, (k, _) in now.items() if k in {label for label, _ in differ}}


@pytest.mark.timeout(60 + 2 * UPDATES)
@examples(UPDATES // 2)
@given(
    steps=row_wise_(),
    source=sources_,
    states=states_,
    options=st.lists(options_, min_size=4, max_size=4),
    compare=st.sampled_from([None, None, "k"]),
)
def test_rows_that_were_not_touched_are_as_they_were(steps, source, states, options, compare):
    """Also by other code, and those whose source is gone, as it is asked for."""
    lake = Lake(steps, source)
    if compare and source != "files":
        options = [{**option, "delta_compare": "k"} for option in options]
    else:
        compare = None
    merges = dict(steps).get("merge")
    expected: dict[str, list[Any]] = {}
    codes: set[int] = set()
    for state, option in zip(states, options, strict=False):
        one, labels = dict(lake.one), dict(lake.labels)
        lake.become(state)
        lake.fail(state.fails, **option)
        made = lake.update(**option)
        full: dict[str, list[Any]] = {}
        for found in lake.full().to_records():
            full.setdefault(found["id"], []).append(tuple(map(shown, found.values())))
        of_labels = (labels, lake.labels) if merges else ({}, {})
        keeps = bool(merges and merges[1]) and option["delta_deleted"] == "keep"
        new = touched((one, lake.one), of_labels, compare, keeps=keeps)
        uses_code = "map" in {step for step, _ in steps}
        codes.add(lake.factor if uses_code else 1)
        if option["delta_code"] == "rebuild" and len(codes) > 1:
            expected, codes = full, {lake.factor}
        else:
            expected |= {key: full.get(key, []) for key in new}
            if option["delta_deleted"] == "drop":
                expected = {key: rows for key, rows in expected.items() if key in lake.one}
        rows = [row for rows in expected.values() for row in rows]
        assert Counter(rows_of(made)) == Counter(rows)
        lake.check_older()
        lake.remember(made)
        lake.collect(state.collects)
    lake.end()


def become(lake: Lake, one: Rows, labels: dict[str, str] | None = None) -> None:
    lake.one, lake.labels = one, {(k, 0): name for k, name in (labels or {}).items()}
    lake.become(State({}, {}, {}, 1, frozenset(), "", ""))


@pytest.mark.parametrize("step", [*sorted(STEPS), "subtract"])
def test_each_step_is_updated(step):
    """What the property passes over because it is refused is not all of it."""
    os.environ["TOKEN_BROKEN"] = "2"  # noqa: S105  not a secret
    how: Any = 1
    if step in GROUPS:
        how = sorted(AGGREGATES)
    elif step == "order_by":
        how = [("v", True), ("id", False)]
    lake = Lake([(step, (how, False) if step == "subtract" else how)])
    states: list[Rows] = [
        {"1": ("a", 1.0), "2": ("b", 2.5), "3": (None, None)},
        {"1": ("a", 1.0), "2": ("a", 2.5), "4": ("b", 0.0)},
        {"2": ("a", -1.0), "4": ("b", 0.0), "5": (None, 1.0)},
    ]
    for state in states:
        become(lake, state, {"b": "B"})
        assert_same(lake, lake.update())


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize(("step", "is_delta"), [("merge", False), ("merge", True), ("meet", True)])
def test_each_merge_is_updated(step, how, is_delta):
    lake = Lake([(step, (how, is_delta))])
    states: list[tuple[Rows, dict[str, str]]] = [
        ({"1": ("a", 1.0), "2": ("b", 2.5), "3": (None, None)}, {"a": "A", "ü": "B"}),
        ({"1": ("a", 1.0), "2": ("ü", 2.5), "4": ("b", 0.0)}, {"a": "A", "ü": "B"}),
        ({"1": ("a", 1.0), "2": ("ü", 2.5), "4": ("b", 0.0)}, {"a": "B", "b": "A"}),
        ({"1": ("a", 1.0), "5": ("b", 2.5), "4": ("b", 0.0)}, {"b": "B"}),
    ]
    for one, labels in states:
        lake.two = {
            f"1{key}": (k, float(len(name))) for key, (k, name) in enumerate(labels.items())
        }
        become(lake, one, labels)
        assert_same(lake, lake.update())
