"""`read_dataset` and `sql`: saved datasets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lakebed.chain import DataChain, chain_of
from lakebed.exceptions import DataChainParamsError
from lakebed.read._arguments import refuse
from lakebed.read._delta import Delta
from lakebed.session import Session

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def read_dataset(  # noqa: PLR0917  the peer's order
    name: str,
    namespace: str | None = None,
    project: str | None = None,
    version: str | int | None = None,
    session: Session | None = None,
    settings: Mapping[str, Any] | None = None,
    delta: bool = False,
    delta_on: str | Sequence[str] | None = None,
    delta_result_on: str | Sequence[str] | None = None,
    delta_compare: str | Sequence[str] | None = None,
    delta_retry: bool | str | None = None,
    delta_unsafe: bool = False,
    delta_deleted: str | None = None,
    delta_code: str = "warn",
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
        delta: When a chain over this is saved again under its name, compute only what is new or
            changed here since; the other rows of the latest version stay, in the files that they
            are in.
        delta_on: What a row is known by: paths of fields. By default a file's source and path.
        delta_result_on: Where the result has these values, if not in the same place.
        delta_compare: What tells that a row changed; by default everything else.
        delta_retry: Compute again what did not change: with the name of a field of the result,
            where that says an error; with True, what is missing in the result.
        delta_unsafe: Let `limit`, `offset` and `sample` see what changed only.
        delta_deleted: `keep` or `drop` rows whose source is gone. By default they are kept, but
            for groups, which are computed from what is there.
        delta_code: When functions or steps changed since: `warn`, `ignore`, or `rebuild`
            everything.
        others: Other options of the peer, refused with a reason.
    """
    refuse("read_dataset", **others)
    if isinstance(version, bool) or not isinstance(version, (str, int, type(None))):
        msg = f"version is text or a major number, not `{version!r}`"
        raise DataChainParamsError(msg)
    if isinstance(version, int):
        version = f">={version}.0.0,<{version + 1}.0.0"
    delta_of = Delta(
        delta,
        delta_on,
        delta_result_on,
        delta_compare,
        delta_retry,
        delta_unsafe,
        delta_deleted,
        delta_code,
    )
    held = Session.get(session)
    native = held._native.read_dataset(name, namespace, project, version)
    return chain_of(delta_of.applied(native), held, settings, native.dataset)


def sql(text: str, session: Session | None = None) -> DataChain:
    """The result of a SQL query over saved datasets."""
    if not isinstance(text, str):
        msg = f"sql takes text, not `{text!r}`"
        raise DataChainParamsError(msg)
    held = Session.get(session)
    return chain_of(held._native.sql(text), held)
