"""What needs a package that is not installed says how to install it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

import lakebed as dc

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("module", "package", "use"),
    [
        ("sqlalchemy", "lakebed[database]", lambda: dc.read_database("select 1", "sqlite://")),
        (
            "sqlalchemy",
            "lakebed[database]",
            lambda: dc.read_values(x=[1]).to_database("t", "sqlite://"),
        ),
        ("datasets", "lakebed[hf]", lambda: dc.read_hf("beans")),
        ("zarr", "lakebed[zarr]", lambda: dc.read_zarr("stores")),
        ("torch", "lakebed[torch]", lambda: dc.read_values(x=[1]).to_pytorch()),
    ],
)
def test_the_hint_names_the_package(
    monkeypatch: pytest.MonkeyPatch, module: str, package: str, use: Callable[[], object]
) -> None:
    for name in [name for name in sys.modules if name.startswith("lakebed.torch")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError) as missing:
        use()
    assert str(missing.value) == f"this needs {module}; hint: pip install '{package}'"
