"""Verbs that tell what changed between two chains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from lakebed._coerce import chain_beside
from lakebed._columns import existing, leaves, resolved
from lakebed._verbs.combining import Combining, name_pairs
from lakebed.exceptions import DataChainParamsError
from lakebed.expr import C

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lakebed._schema import Spec
    from lakebed.expr import Column

    Names = str | Column | Sequence[str | Column]
    Pairs = list[tuple[str, str]]

_STATUS = "status of the row"


class Differences(Combining):
    """Which rows were added, deleted, modified, or are the same."""

    __slots__ = ()

    def diff(  # noqa: PLR0917  the peer's order
        self,
        other: Self,
        on: Names,
        right_on: Names | None = None,
        compare: Names | None = None,
        right_compare: Names | None = None,
        added: bool = True,  # noqa: FBT001, FBT002
        deleted: bool = True,  # noqa: FBT001, FBT002
        modified: bool = True,  # noqa: FBT001, FBT002
        same: bool = False,  # noqa: FBT001, FBT002
        status_col: str | None = None,
    ) -> Self:
        """What became of the rows of an older chain: this one is the newer.

        Rows are matched by keys; missing values are equal, here and when rows are
        compared. Rows that agree on all keys are matched one by one, in their order. The
        columns are those of this chain; deleted rows have the values of the other one.
        Of two versions of a dataset the rows that both begin with are not read, unless
        `same` asks for them.

        Args:
            other: The chain to compare with.
            on: The keys: names or fields; a model stands for all of its fields.
            right_on: As many of the other chain, if they are others.
            compare: What makes rows differ. By default everything that both have; where
                one has more columns than the other, all rows differ.
            right_compare: As many of the other chain, if they are others.
            added: Keep rows that only this chain has.
            deleted: Keep rows that only the other has.
            modified: Keep rows that differ.
            same: Keep rows that do not.
            status_col: Add a first column of this name: A, D, M or S.

        Examples:
            >>> import lakebed as dc
            >>> new = dc.read_values(id=[1, 2, 4], x=["a", "B", "d"])
            >>> old = dc.read_values(id=[1, 2, 3], x=["a", "b", "c"])
            >>> new.diff(old, on="id", status_col="what").order_by("id").to_list()
            [('M', 2, 'B'), ('D', 3, 'c'), ('A', 4, 'd')]
        """
        other = chain_beside(other, self, "diff")
        flags = {"A": added, "D": deleted, "M": modified, "S": same}
        kept = [status for status, is_kept in flags.items() if is_kept]
        if not kept:
            msg = "diff needs at least one of added, deleted, modified and same"
            raise DataChainParamsError(msg)
        if right_compare is not None and compare is None:
            msg = "'compare' must be defined if 'right_compare' is defined"
            raise DataChainParamsError(msg)
        keys = name_pairs(on, right_on, "diff")
        named = [] if compare is None else name_pairs(compare, right_compare, "diff")
        ours, theirs = dict(resolved(self._native)), dict(resolved(other._native))
        ours.pop("sys", None)
        theirs.pop("sys", None)
        compared = named if compare is not None else _all_but(keys, ours, theirs)
        filled = _filled([*named, *keys], ours, theirs)
        status = status_col or _STATUS
        native = self._native.diff(other._native, keys, compared, filled, status, same)
        chain = self._beside(other, native)
        if len(kept) < len(flags):
            chain = chain._with(chain._native.filter([C(status).in_(kept)._native]))
            chain._silent = self._silent | other._silent
            chain._specs = self._specs + other._specs
        return chain if status_col else chain._with(chain._native.select(list(ours)))

    def file_diff(  # noqa: PLR0917  the peer's order
        self,
        other: Self,
        on: str = "file",
        right_on: str | None = None,
        added: bool = True,  # noqa: FBT001, FBT002
        modified: bool = True,  # noqa: FBT001, FBT002
        deleted: bool = False,  # noqa: FBT001, FBT002
        same: bool = False,  # noqa: FBT001, FBT002
        status_col: str | None = None,
    ) -> Self:
        """Which files are new or changed; takes what `diff` takes.

        Files are matched by `source` and `path`, and differ in `version` or `etag`.

        Args:
            other: The older chain.
            on: The column of files.
            right_on: That of the other chain, if it is another.
            added: Keep files that only this chain has.
            modified: Keep files that differ.
            deleted: Keep files that only the other has.
            same: Keep files that do not differ.
            status_col: Add a first column of this name: A, D, M or S.
        """
        right = right_on or on
        return self.diff(
            other,
            on=[f"{on}.source", f"{on}.path"],
            right_on=[f"{right}.source", f"{right}.path"],
            compare=[f"{on}.version", f"{on}.etag"],
            right_compare=[f"{right}.version", f"{right}.etag"],
            added=added,
            deleted=deleted,
            modified=modified,
            same=same,
            status_col=status_col,
        )


def _all_but(keys: Pairs, ours: Mapping[str, Spec], theirs: Mapping[str, Spec]) -> Pairs | None:
    """The fields that both chains have, without the keys; None if one has more."""
    own, others = list(leaves(ours.items())), set(leaves(theirs.items()))
    if len(own) != len(others):
        return None
    paths = [existing(ours, key)[0] for key, _ in keys]
    is_key = {leaf for leaf in own for path in paths if leaf[: len(path)] == path}
    names = [".".join(leaf) for leaf in own if leaf in others and leaf not in is_key]
    return [(name, name) for name in names]


def _filled(pairs: Pairs, ours: Mapping[str, Spec], theirs: Mapping[str, Spec]) -> list[str | None]:
    """Where deleted rows have our columns: under the name that each was paired with."""
    sources: dict[str, str | None] = {name: name if name in theirs else None for name in ours}
    for own, other in pairs:
        (root, *below), found = existing(ours, own)[0], existing(theirs, other)[0]
        above = found[: len(found) - len(below)]
        if above and found[len(above) :] == tuple(below):
            sources[root] = ".".join(above)
    return list(sources.values())
