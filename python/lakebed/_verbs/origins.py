"""Verbs that tell where rows come from, and what was made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from lakebed._verbs.base import Base
from lakebed.exceptions import DataChainParamsError

if TYPE_CHECKING:
    from lakebed.lineage import Lineage


class Origins(Base):
    """The lineage of a chain."""

    __slots__ = ()

    def lineage(self, direction: Literal["up", "down"] = "up", depth: int | None = None) -> Lineage:
        """What the rows were made of, or, for a saved version, what was made of it.

        Versions of datasets and places of files, step by step, each with the script, the
        commit and the author that made it. Versions that were removed are there by name.

        Args:
            direction: "up" to what they were made of, "down" to what was made of them.
            depth: How many steps; all by default.

        Raises:
            DataChainParamsError: "down" of a chain that is no saved version, or a wrong argument.

        Examples:
            >>> import lakebed as dc
            >>> held = dc.Session.get(in_memory=True)
            >>> _ = dc.read_values(x=[1, 2], session=held).save("all")
            >>> one = dc.read_dataset("all", session=held).limit(1).save("one")
            >>> [f"{node.name}@{node.version}" for node in one.lineage()]
            ['one@1.0.0', 'all@1.0.0']
        """
        from lakebed.lineage import lineage_of

        if direction not in ("up", "down"):
            msg = f"direction is `up` or `down`, not `{direction}`"
            raise DataChainParamsError(msg)
        if depth is not None and (
            not isinstance(depth, int) or isinstance(depth, bool) or depth < 0
        ):
            msg = f"depth is a number of steps, 0 or more, not `{depth!r}`"
            raise DataChainParamsError(msg)
        version = self._native.dataset
        if version is not None:
            return lineage_of(self._session, [version], direction, depth)
        if direction == "down":
            msg = "only a saved version has what was made of it; hint: save the chain, or read one"
            raise DataChainParamsError(msg)
        versions, places = self._native.sources()
        return lineage_of(self._session, versions, direction, depth, places=places)
