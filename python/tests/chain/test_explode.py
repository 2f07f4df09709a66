"""JSON text and dicts as typed columns."""

from __future__ import annotations

import pytest

import lakebed as dc
from lakebed.exceptions import (
    DataChainColumnError,
    DataChainParamsError,
    SignalResolvingError,
    SignalResolvingTypeError,
    UdfError,
)


def test_text() -> None:
    chain = dc.read_values(
        id=[1, 2, 3], meta=['{"w": 1, "in": {"t": ["a"]}}', '{"w": null}', None]
    ).explode("meta")
    assert list(chain.schema) == ["id", "meta", "meta_expl"]
    assert list(chain.schema.flatten())[2:] == ["meta_expl.w", "meta_expl.in.t"]
    assert chain.to_values("meta_expl.w") == [1, None, None]
    assert chain.to_values("meta_expl.in.t") == [["a"], None, None]
    assert chain.filter(dc.C("meta_expl.w") == 1).count() == 1


def test_dicts_and_names() -> None:
    chain = dc.read_values(meta=[{"w": 1}, {"w": 2}]).explode(
        dc.C("meta"), model_name="Meta", column="m"
    )
    assert chain.schema["m"].__name__ in ("Meta", "Optional")
    assert chain.to_values("m.w") == [1, 2]


def test_more_rows_tell_more_keys() -> None:
    chain = dc.read_values(meta=['{"a": 1}', '{"a": 2.5, "b": "x"}'])
    with pytest.raises(UdfError, match="has the key `b` here, but its first rows do not"):
        chain.explode("meta").to_list()
    wider = chain.explode("meta", schema_sample_size=2)
    assert wider.to_list("meta_expl.a", "meta_expl.b") == [(1.0, None), (2.5, "x")]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["[1]"], r"a column of dicts, but `meta` holds `\[1\]`"),
        ([[1]], "a column of dicts"),
        ([None], "no keys that can be names"),
        (["{}"], "no keys that can be names"),
        (['{"a b": 1}'], "no keys that can be names"),
    ],
)
def test_other_values_are_refused(values: list[object], message: str) -> None:
    with pytest.raises(SignalResolvingTypeError, match=message) as caught:
        dc.read_values(meta=values).explode("meta")
    assert isinstance(caught.value, TypeError)


def test_wrong_calls_say_why() -> None:
    chain = dc.read_values(meta=['{"a": 1}'])
    with pytest.raises(SignalResolvingError, match="did you mean `meta`"):
        chain.explode("mta")
    with pytest.raises(SignalResolvingTypeError, match=r"explode\(\) supports only"):
        chain.explode(3)
    with pytest.raises(DataChainParamsError, match="at least 1, not `0`"):
        chain.explode("meta", schema_sample_size=0)
    with pytest.raises(DataChainColumnError):
        chain.explode("meta", column="meta")
