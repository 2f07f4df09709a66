"""The differences between two chains as a chain for each kind."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from lakebed.exceptions import DataChainParamsError

if TYPE_CHECKING:
    from lakebed._verbs.differences import Names
    from lakebed.chain import DataChain

__all__ = ["CompareStatus", "compare_and_split"]


class CompareStatus(StrEnum):
    """What became of a row."""

    ADDED = "A"
    DELETED = "D"
    MODIFIED = "M"
    SAME = "S"


def compare_and_split(  # noqa: PLR0917  the peer's order
    left: DataChain,
    right: DataChain,
    on: Names,
    right_on: Names | None = None,
    compare: Names | None = None,
    right_compare: Names | None = None,
    added: bool = True,  # noqa: FBT001, FBT002
    deleted: bool = True,  # noqa: FBT001, FBT002
    modified: bool = True,  # noqa: FBT001, FBT002
    same: bool = False,  # noqa: FBT001, FBT002
) -> dict[str, DataChain]:
    """What became of the rows of `right` in `left`: a chain for each kind that is asked for.

    Takes what `DataChain.diff` takes. The keys are "A", "D", "M" and "S".

    Examples:
        >>> import lakebed as dc
        >>> new, old = dc.read_values(id=[1, 2]), dc.read_values(id=[2, 3])
        >>> {kind: rows.to_values("id") for kind, rows in compare_and_split(new, old, "id").items()}
        {'A': [1], 'D': [3], 'M': []}
    """
    flags = {
        CompareStatus.ADDED: added,
        CompareStatus.DELETED: deleted,
        CompareStatus.MODIFIED: modified,
        CompareStatus.SAME: same,
    }
    if not any(flags.values()):
        msg = "compare_and_split needs at least one of added, deleted, modified and same"
        raise DataChainParamsError(msg)
    return {
        str(kind): left.diff(
            right,
            on,
            right_on,
            compare,
            right_compare,
            added=kind is CompareStatus.ADDED,
            deleted=kind is CompareStatus.DELETED,
            modified=kind is CompareStatus.MODIFIED,
            same=kind is CompareStatus.SAME,
        )
        for kind, is_wanted in flags.items()
        if is_wanted
    }
