"""`lakebed dataset diff`: what became of the columns and rows of a version in another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakebed._cli.datasets import read
from lakebed._cli.text import shown
from lakebed._types.type_text import type_text
from lakebed.exceptions import DataChainParamsError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from lakebed.chain import DataChain

_WORDS = {"A": "added", "D": "removed", "M": "changed", "S": "same"}


def diff(arguments: argparse.Namespace) -> None:
    """Print which columns and rows were added, removed or changed."""
    name = arguments.name
    if "@" in name:
        msg = f"diff takes a name and then two versions, not `{name}`"
        raise DataChainParamsError(msg)
    old, new = read(name, arguments.old), read(name, arguments.new)
    types = _types(old), _types(new)
    print(f"{name}  {old.version} → {new.version}")
    for line in _columns(*types):
        print(line)
    keys = [key for given in arguments.on for key in given.split(",") if key]
    shared = [path for path in types[1] if _is_alike(types[0].get(path), types[1][path])]
    if not shared:
        print("rows: not compared, for the versions share no column")
        return
    # a column holds values of one type
    apart = {path for path in types[1] if path in types[0] and path not in shared}
    old, new = _without(apart, old, types[0]), _without(apart, new, types[1])
    status = "diff" if "diff" not in new.schema else "diff_status"
    compare = [path for path in shared if not _is_key(path, keys)] if keys else None
    rows = new.diff(old, on=keys or shared, compare=compare or shared, status_col=status)
    _print_rows(rows, status, new.count(), arguments.limit)


def _print_rows(rows: DataChain, status: str, all_new: int, limit: int) -> None:
    from lakebed import func

    counts = dict(rows.group_by(rows=func.count(), partition_by=status).to_list(status, "rows"))
    # a row of the new version is added, changed or the same
    counts["S"] = all_new - counts.get("A", 0) - counts.get("M", 0)
    told = [f"{counts[kind]:,} {word}" for kind, word in _WORDS.items() if counts.get(kind)]
    print(f"rows: {', '.join(told) or 'none in both'}")
    if counts.keys() != {"S"}:
        print()
        rows.show(limit, flatten=True)


def _columns(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """A line for each column that is not the same."""
    lines = [f"- {path}: {kind}" for path, kind in old.items() if path not in new]
    for path, kind in new.items():
        if path not in old:
            lines.append(f"+ {path}: {kind}")
        elif old[path] != kind:
            lines.append(f"~ {path}: {old[path]} → {kind}")
    return [f"  {shown(line)}" for line in lines]


def _types(chain: DataChain) -> dict[str, str]:
    """The leaf fields and the names of their types."""
    walked = chain.schema._walk(include_hidden=True)
    return {
        ".".join(path): type_text(kind) for path, spec, kind in walked if spec["kind"] != "model"
    }


def _without(apart: set[str], chain: DataChain, types: Mapping[str, str]) -> DataChain:
    return chain.select(*(path for path in types if path not in apart)) if apart else chain


def _is_alike(old: str | None, new: str) -> bool:
    """Whether values of the types can be compared."""
    return old is not None and _bare(old) == _bare(new)


def _bare(kind: str) -> str:
    """The type without what says that values may be missing."""
    return (
        kind.removeprefix("Optional[").removesuffix("]") if kind.startswith("Optional[") else kind
    )


def _is_key(path: str, keys: list[str]) -> bool:
    return any(path == key or path.startswith(f"{key}.") for key in keys)
