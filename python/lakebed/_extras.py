"""Packages that are needed for some things only, imported on first use."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def needed(module: str, package: str) -> Any:
    """A module of a package that may not be there.

    Args:
        module: Its name.
        package: What to install, such as `lakebed[video]`.

    Raises:
        ImportError: It is not installed; the message says how to install it.
    """
    try:
        return import_module(module)
    except ImportError as error:
        name = module.partition(".")[0]
        msg = f"this needs {name}; hint: pip install '{package}'"
        raise ImportError(msg, name=name) from error
