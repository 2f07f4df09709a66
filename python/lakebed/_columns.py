"""What verbs need to know about a chain's columns: paths, leaves, parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lakebed._hint import did_you_mean
from lakebed._native import Expr as NativeExpr
from lakebed._schema import Spec, resolve_spec
from lakebed.exceptions import (
    SignalRemoveError,
    SignalResolvingError,
    SignalResolvingTypeError,
)
from lakebed.expr import Column

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lakebed._native import Chain

Path = tuple[str, ...]


def path_of(given: object, verb: str) -> str:
    """The name in a string or plain column.

    Raises:
        SignalResolvingTypeError: It is anything else.
    """
    if isinstance(given, str):
        return given
    if isinstance(given, Column):
        return given._path
    msg = f"{verb} takes names and plain columns, not `{given!r}`"
    raise SignalResolvingTypeError(msg)


def resolved(native: Chain) -> list[tuple[str, Spec]]:
    """The columns with the classes that their stored types stand for."""
    return [(name, resolve_spec(spec)) for name, spec in native.schema()]


def leaves(columns: Iterable[tuple[str, Spec]], *, hidden: bool = True) -> Iterator[Path]:
    """The paths of the leaf fields, in order."""
    return (path for path, _ in leaf_specs(columns, hidden=hidden))


def leaf_specs(
    columns: Iterable[tuple[str, Spec]], *, hidden: bool = True, above: Path = ()
) -> Iterator[tuple[Path, Spec]]:
    """The paths and specs of the leaf fields, in order."""
    for name, spec in columns:
        if spec["kind"] != "model":
            yield (*above, name), spec
            continue
        fields = [f for f in spec["fields"] if hidden or f[0] not in spec["hidden"]]
        yield from leaf_specs(fields, hidden=hidden, above=(*above, name))


def find(columns: Sequence[tuple[str, Spec]], given: str) -> tuple[Path, Spec] | None:
    """The path and spec of a column or field; `a__b` means `a.b` unless it is a name."""
    names = dict(columns)
    if given in names:
        return (given,), names[given]
    path = tuple(given.replace("__", ".").split("."))
    spec: Spec | None = None
    level = names
    for name in path:
        spec = level.get(name)
        if spec is None:
            return None
        level = dict(spec["fields"]) if spec["kind"] == "model" else {}
    return (path, spec) if spec is not None else None


def known_paths(columns: Iterable[tuple[str, Spec]]) -> list[str]:
    """Every name that `find` knows, outer ones first."""
    columns = list(columns)
    inner = [
        f"{name}.{path}"
        for name, spec in columns
        if spec["kind"] == "model"
        for path in known_paths(spec["fields"])
    ]
    return [name for name, _ in columns] + inner


def values_at(native: Chain, given: Sequence[str]) -> tuple[Chain, list[Spec], list[int]]:
    """A chain with one column for each different path, fields taken out of their models.

    Returns:
        The chain, the specs to read it with, and which column each given path is.
    """
    columns = resolved(native)
    found: dict[str, tuple[Path, Spec]] = {}
    for name in given:
        at = find(columns, name)
        if at is None:
            hint = did_you_mean(name, known_paths(columns))
            msg = f"unknown column `{name}`{hint}"
            raise SignalResolvingError(msg)
        found.setdefault(".".join(at[0]), at)
    paths = list(found)
    order = [paths.index(".".join(find(columns, name)[0])) for name in given]  # type: ignore[index]
    specs = [spec for _, spec in found.values()]
    if all(len(path) == 1 for path, _ in found.values()):
        return native.select(paths), specs, order
    names = [f"column {number}" for number in range(len(paths))]
    taken = [(n, NativeExpr.column(p)) for n, p in zip(names, paths, strict=True)]
    outer = [_null_below(columns, path) for path, _ in found.values()]
    specs = [s | {"nullable": s["nullable"] or o} for s, o in zip(specs, outer, strict=True)]
    return native.mutate(taken).select(names), specs, order


def _null_below(columns: Sequence[tuple[str, Spec]], path: Path) -> bool:
    """Whether a model above the path may be missing."""
    above = (find(columns, ".".join(path[:end])) for end in range(1, len(path)))
    return any(found is not None and found[1]["nullable"] for found in above)


def without(columns: Sequence[tuple[str, Spec]], removed: Sequence[str]) -> list[str]:
    """The paths that are left when some are taken away.

    Raises:
        SignalRemoveError: A path does not exist, or nothing would be left.
    """
    gone: set[Path] = set()
    for name in removed:
        found = find(columns, name)
        if found is None:
            hint = did_you_mean(name, known_paths(columns))
            msg = f"unknown column `{name}`{hint}"
            raise SignalRemoveError(msg)
        gone.add(found[0])
    kept = [".".join(path) for path in _kept((), columns, gone)]
    if not kept:
        msg = "no column would be left"
        raise SignalRemoveError(msg)
    return kept


def _kept(above: Path, columns: Iterable[tuple[str, Any]], gone: set[Path]) -> Iterator[Path]:
    for name, spec in columns:
        path = (*above, name)
        if path in gone:
            continue
        if any(other[: len(path)] == path for other in gone):
            yield from _kept(path, spec["fields"], gone)
        else:
            yield path
