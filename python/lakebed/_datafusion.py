"""What tables for the package `datafusion` need to be safe."""

from __future__ import annotations

from importlib import metadata

from lakebed.exceptions import NotSupportedError

MAJOR = 54
"""The engine's DataFusion: what crosses between two libraries has another layout in others."""


def check_release() -> None:
    """Refuse a package `datafusion` that would read the memory of a table wrongly.

    Raises:
        NotSupportedError: It is of another major version.
    """
    try:
        release = metadata.version("datafusion")
    except metadata.PackageNotFoundError:
        return
    if release.partition(".")[0] != str(MAJOR):
        msg = (
            f"tables for datafusion {release}: this engine has DataFusion {MAJOR}; "
            f"hint: pip install 'datafusion>={MAJOR},<{MAJOR + 1}'"
        )
        raise NotSupportedError(msg)
