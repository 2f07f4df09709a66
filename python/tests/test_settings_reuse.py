"""What `settings(version, deps, ignore)` refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import lakebed as dc
from lakebed.exceptions import SettingsError


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"version": ""}, "setting `version` takes text or a number, as \"v2\", not `''`"),
        ({"version": True}, "setting `version` takes text or a number"),
        ({"deps": "weights.bin"}, "setting `deps` takes a list of paths, modules and values"),
        ({"deps": [Path("no/such.bin")]}, "names `no/such.bin`, and there is no such file"),
        ({"deps": [(i for i in ())]}, "takes what can be compared between runs: the value is a"),
        ({"ignore": "NAME"}, "setting `ignore` takes a list of names of globals or attributes"),
        ({"ignore": []}, "setting `ignore` takes a list of names"),
        ({"ignore": ["a.b"]}, "setting `ignore` takes a list of names"),
    ],
)
def test_wrong_values(given: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        dc.read_values(x=[1]).settings(**given)
    assert message in str(caught.value)
