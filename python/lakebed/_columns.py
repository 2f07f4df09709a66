"""What verbs need to know about a chain's columns: paths, leaves, parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lakebed._hint import unknown_column
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
    msg = f"{verb}() supports only `str` or `Column`, not `{given!r}`"
    raise SignalResolvingTypeError(msg)


def paths_of(given: Iterable[object], verb: str) -> list[str]:
    """The names in strings or plain columns; raises as `path_of`."""
    return [path_of(one, verb) for one in given]


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


def find(
    columns: Mapping[str, Spec] | Iterable[tuple[str, Spec]], given: str
) -> tuple[Path, Spec] | None:
    """The path and spec of a column or field that is stored.

    Both `.` and `__` separate the names; where a name holds a separator itself, the
    longest name wins.
    """
    level = _level(columns)
    if given in level:
        return (given,), level[given]
    for name, rest in _splits(given):
        spec = level.get(name)
        if spec is not None and spec["kind"] == "model":
            below = find(spec["fields"], rest)
            if below is not None:
                return (name, *below[0]), below[1]
    return None


def existing(
    columns: Mapping[str, Spec] | Iterable[tuple[str, Spec]], given: str, where: str = ""
) -> tuple[Path, Spec]:
    """What `find` finds.

    Raises:
        SignalResolvingError: There is no such column or field.
    """
    level = _level(columns)
    found = find(level, given)
    if found is None and (inside := _refusal_inside(level, given)):
        raise SignalResolvingError(inside)
    if found is None:
        raise SignalResolvingError(unknown_column(given, known_paths(level.items()), where))
    return found


def _level(columns: Mapping[str, Spec] | Iterable[tuple[str, Spec]]) -> Mapping[str, Spec]:
    """The columns by name; whoever looks up many passes them so."""
    return columns if isinstance(columns, Mapping) else dict(columns)


def _splits(given: str) -> Iterator[tuple[str, str]]:
    """A name and what follows it, the longest name first."""
    for at in reversed(range(len(given))):
        for separator in (".", "__"):
            if given.startswith(separator, at):
                yield given[:at], given[at + len(separator) :]


@dataclass(frozen=True)
class Readable:
    """A column or field as a function gets it.

    Attributes:
        name: Its dotted path.
        type: The spec of its values.
        path: What to ask the engine for.
        spec: The spec to read that with.
    """

    name: str
    type: Spec
    path: str
    spec: Spec


def readable(
    columns: Mapping[str, Spec] | Iterable[tuple[str, Spec]], given: str
) -> Readable | None:
    """How to read a column or field; also one of models in lists, or that only a class has.

    A class may have gained fields since its rows were stored. They are no columns of
    such rows, but their values are there: the defaults of the class.
    """
    level = _level(columns)
    stored = find(level, given)
    if stored is None:
        return _gained(level, given) or _in_lists(level, given)
    # a class may have become known since the columns were resolved: by the annotation of
    # the very parameter that takes this one
    path, spec = stored[0], resolve_spec(stored[1])
    spec |= {"nullable": spec["nullable"] or _null_above(level, path)}
    return Readable(".".join(path), spec, ".".join(path), spec)


def _gained(
    columns: Mapping[str, Spec] | Sequence[tuple[str, Spec]], given: str, above: Path = ()
) -> Readable | None:
    level = _level(columns)
    for name, rest in _splits(given):
        spec = level.get(name)
        if spec is not None and spec["kind"] == "model":
            path = (*above, name)
            below = _gained(spec["fields"], rest, path)
            found = below or _read_from_objects(spec, rest, path)
            if found is not None:
                return found
    return None


def _read_from_objects(model: Spec, given: str, path: Path) -> Readable | None:
    from lakebed._types.model_spec import model_spec

    found = find(model_spec(model["cls"])["fields"], given)
    if found is None:
        return None
    names, spec = found
    read = {"kind": "attribute", "model": model, "names": list(names), "nullable": True}
    return Readable(".".join((*path, *names)), spec | {"nullable": True}, ".".join(path), read)


def _in_lists(
    columns: Mapping[str, Spec] | Sequence[tuple[str, Spec]], given: str, above: Path = ()
) -> Readable | None:
    """A field of the models in a list, as the list of its values."""
    level = _level(columns)
    for name, rest in _splits(given):
        spec, path = level.get(name), (*above, name)
        if spec is None or spec["kind"] not in ("model", "list"):
            continue
        if spec["kind"] == "model":
            found = _in_lists(spec["fields"], rest, path)
        else:
            item = spec["item"]
            while item["kind"] == "list":
                item = item["item"]
            fields = item["fields"] if item["kind"] == "model" else ()
            stored = find(fields, rest)
            found = _in_lists(fields, rest, path)
            if stored is not None:
                inner = resolve_spec(stored[1])
                found = Readable(".".join((*path, *stored[0])), inner, "", inner)
            found = found and _listed(found, spec)
        if found is not None:
            return found
    return None


def _listed(found: Readable, outer: Spec) -> Readable:
    """What is found in the items of a list, or of lists in it."""
    spec = found.type | {"nullable": True}
    while outer["kind"] == "list":
        spec, outer = {"kind": "list", "item": spec, "nullable": True}, outer["item"]
    return Readable(found.name, spec, found.name, spec)


def _refusal_inside(columns: Mapping[str, Spec], given: str) -> str | None:
    found = _in_lists(columns, given)
    if found is None:
        return None
    name = found.name.rpartition(".")[2]
    return (
        f"`{found.name}` is inside of a list of models, and no column of its own; "
        f'hint: make one, as in mutate({name}=C("{found.name}"))'
    )


def refusal_of_gained(columns: Iterable[tuple[str, Spec]], given: str) -> str | None:
    """Why an expression cannot use a path that functions can; None for other paths."""
    level = {name: resolve_spec(spec) for name, spec in columns}
    if inside := _refusal_inside(level, given):
        return inside
    found = readable(level, given)
    if found is None or found.path == found.name:
        return None
    model = found.spec["model"]["name"]
    field = ".".join(found.spec["names"])
    return (
        f"unknown column `{found.name}`: `{found.path}` was stored as a `{model}` without "
        f"field `{field}`, which only its class has; hint: functions get its default, "
        f"as in map(new=lambda {found.path.replace('.', '__')}: ...)"
    )


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
    columns = dict(resolved(native))
    found: dict[str, Readable] = {}
    names = []
    for name in given:
        at = readable(columns, name) or _inside(native, name)
        if at is None:
            raise SignalResolvingError(unknown_column(name, known_paths(columns.items())))
        found.setdefault(at.name, at)
        names.append(at.name)
    places = {name: place for place, name in enumerate(found)}
    order = [places[name] for name in names]
    paths = [at.path for at in found.values()]
    specs = [at.spec for at in found.values()]
    if len(set(paths)) == len(paths) and not set(paths) - columns.keys():
        return native.select(paths), specs, order
    names = [f"column {number}" for number in range(len(paths))]
    taken = [(n, NativeExpr.column(p)) for n, p in zip(names, paths, strict=True)]
    return native.mutate(taken).select(names), specs, order


def _inside(native: Chain, given: str) -> Readable | None:
    """A field of the models of a list, or a key of a dict."""
    try:
        taken = native.mutate([("inside", NativeExpr.column(given))]).select(["inside"])
    except SignalResolvingError:
        return None
    [(_, spec)] = resolved(taken)
    return Readable(given, spec, given, spec)


def _null_above(columns: Mapping[str, Spec], path: Path) -> bool:
    """Whether a model above the path may be missing."""
    level = columns
    for name in path[:-1]:
        spec = level[name]
        if spec["nullable"]:
            return True
        level = dict(spec["fields"])
    return False


def without(columns: Sequence[tuple[str, Spec]], removed: Sequence[str]) -> list[str]:
    """The paths that are left when some are taken away.

    Raises:
        SignalRemoveError: A path does not exist, or nothing would be left.
    """
    level = dict(columns)
    gone: set[Path] = set()
    for name in removed:
        found = find(level, name)
        if found is None:
            raise SignalRemoveError(unknown_column(name, known_paths(columns)))
        gone.add(found[0])
    parted = {path[:length] for path in gone for length in range(1, len(path))}
    kept = [".".join(path) for path in _kept((), columns, gone, parted)]
    if not kept:
        msg = "no column would be left"
        raise SignalRemoveError(msg)
    return kept


def _kept(
    above: Path, columns: Iterable[tuple[str, Any]], gone: set[Path], parted: set[Path]
) -> Iterator[Path]:
    """The paths that stay whole, where all above what is gone falls into parts."""
    for name, spec in columns:
        path = (*above, name)
        if path in gone:
            continue
        if path in parted:
            yield from _kept(path, spec["fields"], gone, parted)
        else:
            yield path
