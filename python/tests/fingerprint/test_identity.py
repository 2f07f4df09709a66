"""The two digests of a stage: what survives a repair, and what decides the results."""

from __future__ import annotations

import copy
import datetime as dt
import decimal
import enum
import functools
from typing import TYPE_CHECKING, Any, Literal

import pydantic
import pytest

import lakebed as dc
from lakebed._fingerprint import Identity, NoFingerprint, identity
from lakebed._schema import spec_of
from lakebed._udf.once import Once

if TYPE_CHECKING:
    from collections.abc import Callable

Vector3 = dc.Vector[3]


class Info(pydantic.BaseModel):
    width: int

    def area(self) -> int:
        return self.width**2


class Other(pydantic.BaseModel):
    width: int

    def area(self) -> int:
        return self.width**3


Other.__name__ = "Info"


def spec(call: Any, **changed: Any) -> dict[str, Any]:
    """What a `map` of one column to one column gives."""
    return {
        "name": getattr(call, "__name__", type(call).__name__),
        "call": call,
        "owner": None,
        "takes": [("column", "x", spec_of(int))],
        "gives": [("y", spec_of(int))],
        "setup": {},
        "mode": "row",
        "batch": [],
        "is_async": False,
        "multi": False,
        "known": [],
        "concurrency": 1,
        "timeout": None,
        "retries": 0,
        "retry_on": (),
        "retry_wait": 0.0,
        "on_error": "raise",
        **changed,
    }


def double(x: int) -> int:
    return x * 2


def area(info: Any) -> int:
    return info.area()


def differing(one: dict[str, Any], two: dict[str, Any]) -> set[str]:
    """Which of the digests differ."""
    pairs = zip(Identity._fields, identity(one), identity(two), strict=True)
    return {name for name, before, after in pairs if before != after}


def test_repaired_function(made: Callable[..., Any]) -> None:
    broken = spec(made("def f(x):\n  return x / 0"))
    assert differing(broken, broken) == set()
    assert differing(broken, spec(made("def f(x):\n  return x / 1"))) == {"code"}


def test_lambda_has_no_name(made: Callable[..., Any]) -> None:
    one, two = (made(f"f = lambda x: x + {k}") for k in (1, 2))
    assert differing(spec(one), spec(two)) == {"stage", "code"}
    named = [spec(functools.partial(f), name="y") for f in (one, two)]
    assert differing(*named) == {"stage", "code"}


@pytest.mark.parametrize(
    "changed",
    [
        {"takes": [("column", "x", spec_of(float))]},
        {"name": "other"},
        {"mode": "rows"},
    ],
    ids=str,
)
def test_stage(changed: dict[str, Any]) -> None:
    assert differing(spec(double), spec(double, **changed)) == {"stage"}


@pytest.mark.parametrize(
    "changed",
    [
        {"gives": [("z", spec_of(int))]},
        {"takes": [("column", "a.x", spec_of(int))]},
        {"takes": [("column", "x", spec_of(int | None))]},
    ],
    ids=str,
)
def test_names_and_nulls_of_columns_do_not_count(changed: dict[str, Any]) -> None:
    assert differing(spec(double), spec(double, **changed)) == set()


def test_functions_of_batches_see_names() -> None:
    whole = spec(double, mode="batch", batch=["numpy"])
    assert differing(whole, whole | {"gives": [("z", spec_of(int))]}) == {"stage"}
    assert differing(whole, whole | {"batch_rows": 5}) == {"stage"}


@pytest.mark.parametrize(
    "changed",
    [
        {"on_error": "skip"},
        {"on_error": "null", "retries": 2},
    ],
    ids=str,
)
def test_what_fails_is_no_code(changed: dict[str, Any]) -> None:
    assert differing(spec(double), spec(double, **changed)) == {"failing"}
    skips = spec(double, on_error="skip")
    assert differing(skips, skips | {"retries": 2}) == {"failing"}


@pytest.mark.parametrize("given", [float, int | None, list[int], Info])
def test_output_type(given: Any) -> None:
    assert "stage" in differing(spec(double), spec(double, gives=[("y", spec_of(given))]))


def test_output_model_with_other_fields() -> None:
    one, two = (
        spec(double, gives=[("y", spec_of(pydantic.create_model("Y", a=(kind, ...))))])
        for kind in (int, str)
    )
    assert "stage" in differing(one, two)


@pytest.mark.parametrize(
    "changed",
    [
        {"batch": ["numpy"]},
        {"multi": True},
    ],
    ids=str,
)
def test_code(changed: dict[str, Any]) -> None:
    assert differing(spec(double), spec(double, **changed)) == {"code"}


@pytest.mark.parametrize(
    "changed",
    [
        {"concurrency": 8},
        {"timeout": 3.0},
        {"retries": 2, "retry_on": (OSError,), "retry_wait": 1.0},
        {"known": [((1,), 2)]},
    ],
    ids=str,
)
def test_settings_decide_no_result(changed: dict[str, Any]) -> None:
    assert differing(spec(double), spec(double, **changed)) == set()


def test_setup_functions(made: Callable[..., Any]) -> None:
    takes = [("column", "x", spec_of(int)), ("setup", "model", None)]
    v1, v2, again = (
        spec(double, takes=takes, setup={"model": Once("model", made(f"f = lambda: {k}"))})
        for k in (1, 2, 1)
    )
    assert differing(v1, v2) == {"code"}
    v1["setup"]["model"]()
    assert differing(v1, again) == set()


@pytest.mark.parametrize("wrap", [lambda cls: cls, lambda cls: dict[str, list[cls]]])
def test_methods_of_the_class_of_a_column(wrap: Callable[[type], Any]) -> None:
    same = spec_of(wrap(Info))
    one, two = (
        spec(area, takes=[("column", "info", spec_of(wrap(cls)) | {"name": same.get("name")})])
        for cls in (Info, Other)
    )
    assert differing(one, two) == {"code"}


class Color(enum.Enum):
    RED = "red"


class Rich(dc.DataModel):
    file: dc.File
    infos: list[Info]
    color: Color
    by_name: dict[str, list[Info]]
    vector: Vector3 | None
    pair: tuple[int, str]
    price: decimal.Decimal
    number: int | float
    words: set[str]
    mode: Literal["a", "b"] = "a"
    at: dt.datetime | None = None


def test_columns_of_all_kinds() -> None:
    one, two = (
        spec(double, takes=[("column", "x", copy.deepcopy(spec_of(Rich)))], gives=[("y", given)])
        for given in (spec_of(Rich), copy.deepcopy(spec_of(Rich)))
    )
    assert differing(one, two) == set()
    assert differing(one, spec(double)) == {"stage", "code"}


def test_reason(made: Callable[..., Any]) -> None:
    broken = made("LOCK = (i for i in ())\ndef f(x):\n  return LOCK")
    with pytest.raises(NoFingerprint) as caught:
        identity(spec(broken))
    reason = "global `LOCK` of `f` is a `generator`, which cannot be compared between runs"
    assert str(caught.value) == reason


def test_reason_in_setup() -> None:
    setup = {"model": Once("model", functools.partial(max, (i for i in ())))}
    with pytest.raises(NoFingerprint) as caught:
        identity(spec(double, setup=setup))
    assert str(caught.value).startswith("an argument of setup `model` of `double` is a `generator`")


class Emb:
    def __init__(self, model: str) -> None:
        self.model = model

    def __call__(self, x: int) -> str:
        return self.model + str(x)


def test_a_version_does_not_speak_for_functions_made_with_other_values() -> None:
    def closing(by: int) -> Callable[[int], int]:
        def f(x: int) -> int:
            return x + by

        return f

    def versioned(call: Any) -> dict[str, Any]:
        return spec(call, name="f", version="9")

    pairs = [
        (Emb("p"), Emb("q")),
        (functools.partial(double, 1), functools.partial(double, 2)),
        (closing(1), closing(2)),
        (lambda x: x + 1, lambda x: x + 2),
    ]
    for one, two in pairs:
        assert "code" in differing(versioned(one), versioned(two))
        assert differing(versioned(one), versioned(one)) == set()
