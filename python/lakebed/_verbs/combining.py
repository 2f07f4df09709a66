"""Verbs that put the rows of two chains together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, Self, get_args

from lakebed._coerce import chain_beside
from lakebed._columns import existing, leaves, path_of, resolved
from lakebed._verbs.base import Base
from lakebed.exceptions import (
    DataChainColumnError,
    DataChainParamsError,
    DatasetMergeError,
    SignalResolvingError,
    SignalResolvingTypeError,
    UnionSchemaMismatchError,
)
from lakebed.expr import Column, Expr

if TYPE_CHECKING:
    from lakebed._columns import Path
    from lakebed._native import Chain

How = Literal["left", "inner", "full", "right", "semi", "anti"]


class Combining(Base):
    """Rows of two chains: side by side, one after the other, one without the other."""

    __slots__ = ()

    def merge(  # noqa: PLR0917  the peer's order
        self,
        right_ds: Self,
        on: str | Expr | Sequence[str | Expr],
        right_on: str | Expr | Sequence[str | Expr] | None = None,
        inner: bool = False,  # noqa: FBT001, FBT002
        full: bool = False,  # noqa: FBT001, FBT002
        rname: str = "right_",
        *,
        how: How | None = None,
    ) -> Self:
        """Rows of both chains side by side where their keys are equal.

        A missing key equals nothing. A row that matches several stands beside each of
        them; in which order rows come is not fixed. Columns of the right chain whose
        names are taken get `rname` in front; what stands beside rows without a match is
        None, whole models too.

        Args:
            right_ds: The right chain, of the same session.
            on: The keys: names, fields as `file.path`, or expressions.
            right_on: As many keys of the right chain, if they are others.
            inner: Only rows that match, as `how="inner"`.
            full: All rows of both, as `how="full"`.
            rname: What is put in front of names that are taken.
            how: All rows of the "left" (the default), "right" or "full", those that
                match ("inner"); or only left rows that match ("semi") or do not ("anti"),
                each once and without columns of the right chain.

        Raises:
            DatasetMergeError: A key does not exist, or keys cannot be compared.

        Examples:
            >>> import lakebed as dc
            >>> pets = dc.read_values(id=[1, 2], name=["cat", "dog"])
            >>> ages = dc.read_values(id=[2, 3], age=[5, 7])
            >>> pets.merge(ages, on="id", inner=True).to_list()
            [(2, 'dog', 2, 5)]
        """
        other = chain_beside(right_ds, self, "merge")
        left = _keys(on, "on")
        right = left if right_on is None else _keys(right_on, "right_on")
        if len(left) != len(right):
            msg = f"`on` and `right_on` have the same length, not {len(left)} and {len(right)}"
            raise DatasetMergeError(msg)
        _check_keys(self._native, left, " of the left chain")
        _check_keys(other._native, right, " of the right chain")
        pairs = [(one._native, two._native) for one, two in zip(left, right, strict=True)]
        kind = _kind(how, inner=inner, full=full)
        try:
            native = self._native.merge(other._native, pairs, kind, rname)
        except DataChainParamsError as error:
            raise DatasetMergeError(str(error)) from error
        return self._beside(other, native)

    def union(self, other: Self) -> Self:
        """All rows of this chain and then all of the other, duplicates too.

        Columns belong together by their names. A column has the type that the values of
        both fit into: int and float make float.

        Raises:
            UnionSchemaMismatchError: One has columns that the other has not, or columns
                of the same name share no type.

        Examples:
            >>> import lakebed as dc
            >>> chain = dc.read_values(x=[1]) | dc.read_values(x=[2.5])
            >>> chain.to_values("x")
            [1.0, 2.5]
        """
        other = chain_beside(other, self, "union")
        differences = [
            f" {', '.join(sorted(names))} only present in {side}."
            for side, names in (
                ("left", _only(self._native, other._native)),
                ("right", _only(other._native, self._native)),
            )
            if names
        ]
        if differences:
            msg = f"Cannot perform union.{''.join(differences)} Both need the same columns"
            raise UnionSchemaMismatchError(msg)
        try:
            native = self._native.union(other._native)
        except DataChainColumnError as error:
            raise UnionSchemaMismatchError(str(error)) from error
        return self._beside(other, native)

    def __or__(self, other: Self) -> Self:
        if not isinstance(other, Base):
            return NotImplemented
        return self.union(other)

    def subtract(
        self,
        other: Self,
        on: str | Column | Sequence[str | Column] | None = None,
        right_on: str | Column | Sequence[str | Column] | None = None,
    ) -> Self:
        """The rows that the other chain does not have; duplicates stay.

        Args:
            other: The chain whose rows are left out.
            on: What equal rows agree on: names or fields, a model standing for all of its
                fields. All fields that both chains have by default; missing values are
                equal.
            right_on: As many names of the other chain, if they are others.

        Examples:
            >>> import lakebed as dc
            >>> chain = dc.read_values(x=[1, 2, 2, None])
            >>> chain.subtract(dc.read_values(x=[1, None])).to_values("x")
            [2, 2]
        """
        other = chain_beside(other, self, "subtract")
        if on is None and right_on is not None:
            msg = "'on' must be specified when 'right_on' is provided"
            raise DataChainParamsError(msg)
        if on is None:
            known = set(_names(other._native))
            pairs = [(name, name) for name in _names(self._native) if name in known]
            if not pairs:
                msg = "subtract(): no common columns; hint: name them, on=..., right_on=..."
                raise DataChainParamsError(msg)
        else:
            pairs = name_pairs(on, right_on, "subtract")
        return self._beside(other, self._native.subtract(other._native, pairs))

    def _beside(self, other: Self, native: Chain) -> Self:
        """A chain made of both."""
        chain = self._with(native)
        chain._silent = self._silent | other._silent
        chain._specs = self._specs + other._specs
        return chain


def name_pairs(on: Any, right_on: Any, verb: str) -> list[tuple[str, str]]:
    """The names of two sides, as many of each."""
    left = _listed(on, "on", verb)
    right = left if right_on is None else _listed(right_on, "right_on", verb)
    if len(left) != len(right):
        msg = f"'on' and 'right_on' of {verb} must have the same length, not {left} and {right}"
        raise DataChainParamsError(msg)
    return list(zip(left, right, strict=True))


def _listed(given: Any, what: str, verb: str) -> list[str]:
    one = isinstance(given, (str, Expr))
    if not one and not isinstance(given, Sequence):
        msg = f"{verb}() takes names in `{what}`, not `{given!r}`"
        raise SignalResolvingTypeError(msg)
    names = [path_of(name, verb) for name in ([given] if one else given)]
    if not names or not all(names):
        msg = f"`{what}` of {verb}() cannot be empty"
        raise DataChainParamsError(msg)
    return names


def _keys(given: Any, what: str) -> list[Expr]:
    """The keys of a merge as expressions."""
    one = isinstance(given, (str, Expr))
    listed = [given] if one else list(given) if isinstance(given, Sequence) else []
    right = [key for key in listed if isinstance(key, Expr) or (isinstance(key, str) and key)]
    if not right or len(right) < len(listed):
        msg = f"`{what}` of merge takes names and expressions, one or more, not `{given!r}`"
        raise DatasetMergeError(msg)
    return [Column(key) if isinstance(key, str) else key for key in listed]


def _check_keys(native: Chain, keys: Sequence[Expr], where: str) -> None:
    columns = dict(resolved(native))
    for key in keys:
        if isinstance(key, Column):
            try:
                existing(columns, key._path, where)
            except SignalResolvingError as error:
                raise DatasetMergeError(str(error)) from error


def _kind(how: How | None, *, inner: bool, full: bool) -> str:
    flagged = "full" if full else "inner" if inner else None
    if how is None:
        return flagged or "left"
    if how not in get_args(How):
        msg = f"`how` of merge is one of {', '.join(get_args(How))}, not `{how}`"
        raise DataChainParamsError(msg)
    if flagged not in {None, how}:
        msg = f"merge is asked for `{flagged}` and for how=`{how}`; one is enough"
        raise DataChainParamsError(msg)
    return how


def _names(native: Chain) -> list[str]:
    return [".".join(path) for path in _leaves(native)]


def _leaves(native: Chain) -> list[Path]:
    return [path for path in leaves(resolved(native)) if path[0] != "sys"]


def _only(native: Chain, other: Chain) -> list[str]:
    """The fields of one chain that the other has not."""
    known = set(_leaves(other))
    return [".".join(path) for path in _leaves(native) if path not in known]
