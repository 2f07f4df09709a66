"""`lakebed show` and `lakebed dataset`: look at datasets, and change what is known of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lakebed._cli.text import aligned, shown, size
from lakebed._hint import did_you_mean
from lakebed.exceptions import (
    DataChainParamsError,
    DatasetNotFoundError,
    DatasetVersionNotFoundError,
)

if TYPE_CHECKING:
    import argparse

    from lakebed.catalog import DatasetInfo
    from lakebed.chain import DataChain

    Parts = tuple[str, str, str]

_SCHEME = "ds://"


def show(arguments: argparse.Namespace) -> None:
    """Print rows, columns or the script of a version."""
    name, version = named(arguments)
    if arguments.script:
        found = _version_of(name, version)
        print(found.query_script or f"# no script is known of `{arguments.name}`")
        return
    chain = read(name, version)
    columns = [column for given in arguments.columns for column in given.split(",") if column]
    if columns:
        chain = chain.select(*columns)
    if arguments.schema:
        print(chain.schema)
        return
    if arguments.offset:
        chain = chain.offset(arguments.offset)
    flatten, hidden = arguments.no_collapse, arguments.hidden
    chain.show(arguments.limit, flatten=flatten, include_hidden=hidden)


def why(arguments: argparse.Namespace) -> None:
    """Print what changed of the functions that made a dataset."""
    from lakebed._udf.reuse import why as changes_of
    from lakebed.session import Session

    session = Session.get()
    full, _ = session._native.read_dataset(arguments.name, None, None, None).dataset or ("", "")
    print(changes_of(session._records, full))


def ls(arguments: argparse.Namespace) -> None:
    """Print datasets with their newest versions, or all versions."""
    rows = _rows(include_removed=arguments.include_removed)
    if arguments.name:
        rows = _of(arguments.name, rows)
    elif not arguments.versions:
        rows = list({_parts(row): row for row in rows}.values())
    if not rows:
        print("no datasets yet")
        return
    head = ["NAME", "VERSION", "ROWS", "SIZE", "CREATED"]
    if arguments.long:
        head += ["BY", "ATTRS", "DESCRIPTION"]
    print(aligned([head, *(_line(row, is_long=arguments.long) for row in rows)], right=(2, 3)))


def rm(arguments: argparse.Namespace) -> None:
    """Remove a version, or all."""
    import lakebed as dc

    name, version = named(arguments)
    if version and arguments.force:
        msg = f"--force removes all versions, but version `{version}` was given: use one"
        raise DataChainParamsError(msg)
    dc.delete_dataset(name, version=version, force=arguments.force)
    which = "all versions" if arguments.force else f"version {version or 'latest'}"
    print(f"removed {name}, {which}")


def edit(arguments: argparse.Namespace) -> None:
    """Change a dataset's name, description or labels."""
    import lakebed as dc

    changes = {
        "new_name": arguments.new_name,
        "description": arguments.description,
        "attrs": arguments.attrs,
    }
    if all(change is None for change in changes.values()):
        msg = "nothing to change; hint: give --new-name, --description or --attrs"
        raise DataChainParamsError(msg)
    dc.edit_dataset(arguments.name, **changes)
    print(f"edited {arguments.new_name or arguments.name}")


def lineage(arguments: argparse.Namespace) -> None:
    """Print what a version was made of, or what was made of it."""
    chain = read(*named(arguments))
    print(chain.lineage("down" if arguments.down else "up", depth=arguments.depth))


def read(name: str, version: str | None) -> DataChain:
    """The dataset in the version that was asked for."""
    import lakebed as dc

    return dc.read_dataset(name, version=version)


def named(arguments: argparse.Namespace) -> tuple[str, str | None]:
    """The dataset, and its version if one was given: as `name@version`, or by itself.

    `ds://name@v1.0.0` is the form of the peer.
    """
    given = arguments.name
    if given.startswith(_SCHEME):
        given = given.removeprefix(_SCHEME).replace("@v", "@")
    name, _, version = given.partition("@")
    if version and arguments.version not in (None, version):
        msg = f"two versions were given: `{version}` and `{arguments.version}`"
        raise DataChainParamsError(msg)
    return name, arguments.version or version or None


def _version_of(name: str, version: str | None) -> DatasetInfo:
    import lakebed as dc

    held = _of(name, _rows(include_removed=version is not None))
    chosen = [row for row in held if version in (None, row["version"])]
    if not chosen:
        hint = did_you_mean(str(version), [row["version"] for row in held])
        msg = f"dataset `{name}` has no version `{version}`{hint}"
        raise DatasetVersionNotFoundError(msg)
    infos = dc.datasets(column="info", include_removed=True).to_values("info")
    wanted = chosen[-1]["uuid"]
    found: DatasetInfo = next(info for info in infos if info.uuid == wanted)
    return found


_FIELDS = (
    "namespace", "project", "name", "version", "status", "uuid", "num_objects", "size",
    "created_at", "author", "attrs", "description",
)  # fmt: skip


def _rows(*, include_removed: bool) -> list[dict[str, Any]]:
    """All versions by name, oldest version first."""
    import lakebed as dc

    chain = dc.datasets(include_removed=include_removed)
    rows = [dict(zip(_FIELDS, row, strict=True)) for row in chain.to_list(*_FIELDS)]
    return sorted(rows, key=lambda row: (_parts(row), _order(row["version"])))


def _of(name: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those of one dataset, named as everywhere."""
    from lakebed._native import Session

    given = name.split(".")
    parts = (*Session.default_folder(), "")[: 3 - len(given)] + tuple(given)
    found = [row for row in rows if _parts(row) == parts]
    if not found:
        hint = did_you_mean(name, [_shown_name(row) for row in rows])
        msg = f"dataset `{name}` does not exist{hint}"
        raise DatasetNotFoundError(msg)
    return found


def _parts(row: dict[str, Any]) -> Parts:
    return row["namespace"], row["project"], row["name"]


def _shown_name(row: dict[str, Any]) -> str:
    return ".".join(_parts(row)).removeprefix("local.local.")


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _line(row: dict[str, Any], *, is_long: bool) -> tuple[str, ...]:
    created = row["created_at"]
    when = f"{created:%Y-%m-%d %H:%M}" if created else ""
    count = "" if row["num_objects"] is None else f"{row['num_objects']:,}"
    removed = " (removed)" if row["status"] == "removed" else ""
    line = (_shown_name(row), row["version"] + removed, count, size(row["size"]), when)
    if not is_long:
        return line
    labels, what = " ".join(row["attrs"] or ()), row["description"] or ""
    return (*line, shown(row["author"] or ""), shown(labels), shown(what))
