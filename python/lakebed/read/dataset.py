"""`read_dataset` and `sql`: saved datasets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lakebed.chain import DataChain, chain_of
from lakebed.exceptions import DataChainParamsError
from lakebed.read._arguments import refuse
from lakebed.session import Session

if TYPE_CHECKING:
    from collections.abc import Mapping


def read_dataset(  # noqa: PLR0917  the peer's order
    name: str,
    namespace: str | None = None,
    project: str | None = None,
    version: str | int | None = None,
    session: Session | None = None,
    settings: Mapping[str, Any] | None = None,
    **others: Any,
) -> DataChain:
    """A saved dataset: its latest version unless another is asked for.

    Args:
        name: `name`, `project.name` or `namespace.project.name`, also with `@version`.
        namespace: Of a name that has none.
        project: Of a name that has none.
        version: A number as `1.2.0`, a major number as 1, or a range as `>=1,<2`.
        session: Where to read; see `Session`.
        settings: As for `chain.settings()`.
        others: Other options of the peer, refused with a reason.
    """
    refuse("read_dataset", **others)
    if isinstance(version, bool) or not isinstance(version, (str, int, type(None))):
        msg = f"version is text or a major number, not `{version!r}`"
        raise DataChainParamsError(msg)
    if isinstance(version, int):
        version = f">={version}.0.0,<{version + 1}.0.0"
    held = Session.get(session)
    native = held._native.read_dataset(name, namespace, project, version)
    return chain_of(native, held, settings, native.dataset)


def sql(text: str, session: Session | None = None) -> DataChain:
    """The result of a SQL query over saved datasets."""
    if not isinstance(text, str):
        msg = f"sql takes text, not `{text!r}`"
        raise DataChainParamsError(msg)
    held = Session.get(session)
    return chain_of(held._native.sql(text), held)
