"""`lakebed ls`, `find` and `du`: what is in a bucket or folder."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatch, fnmatchcase
from typing import TYPE_CHECKING, Any

from lakebed._cli.place import Entry, Place, children, files_below, found_at
from lakebed._cli.text import quoted, short_size, shown
from lakebed.exceptions import DataChainParamsError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

COLUMNS = ("du", "name", "path", "size", "type")

_SIZE = re.compile(r"([+-]?)(\d+(?:\.\d+)?)([KMGT]?)", re.IGNORECASE)
_BINARY, _DECIMAL = 1024, 1000
_MICROSECOND = timedelta(microseconds=1)
_LAST = chr(0x10FFFF)


# ls


def ls(arguments: argparse.Namespace) -> None:
    """Print what is in each source; without one, the listings that are kept."""
    if not arguments.sources:
        _print_listings()
        return
    found = [one for given in arguments.sources for one in found_at(given)]
    files = [_line(str(place), file, arguments) for place, file in found if file is not None]
    blocks = [files] if files else []
    for place, file in found:
        if file is None:
            entries = sorted(children(place), key=lambda entry: entry.path)
            head = [f"{quoted(str(place))}:"] if len(found) > 1 else []
            blocks.append(head + [_line(entry.path, entry, arguments) for entry in entries])
    text = "\n\n".join("\n".join(lines) for lines in blocks)
    if text:
        print(text)


def _line(name: str, entry: Entry, arguments: argparse.Namespace) -> str:
    if not arguments.long:
        return quoted(name)
    written = datetime.fromtimestamp(0, UTC) + entry.modified * _MICROSECOND
    when = f"{written:%Y-%m-%d %H:%M}" if entry.modified else ""
    return f"{when:16} {quoted(name)}"


def _print_listings() -> None:
    import lakebed as dc

    fields = ("namespace", "project", "description", "name", "version")
    rows = dc.datasets(include_listing=True).to_list(*fields)
    for namespace, project, place, name, version in rows:
        if (namespace, project) == ("system", "listings"):
            print(f"{place or name}@v{version}")


# find


def find(arguments: argparse.Namespace) -> None:
    """Print the files and folders below each source that all options fit."""
    columns = arguments.columns.split(",")
    for column in columns:
        if column not in COLUMNS:
            msg = f"there is no column `{column}`: choose of {', '.join(COLUMNS)}"
            raise DataChainParamsError(msg)
    fits = _Fits(arguments)
    is_found = False
    for place, file in [one for given in arguments.sources for one in found_at(given)]:
        sizes = _sizes(place, None) if "du" in columns and file is None else {}
        for entry in _with_folders(place) if file is None else [file]:
            if fits(place, entry):
                is_found = True
                print("\t".join(_cell(column, place, entry, sizes) for column in columns))
    if not is_found:
        print("No results")


class _Fits:
    """Whether the options of `find` take an entry: each of them, by any of its values."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.names = arguments.name or []
        self.inames = arguments.iname or []
        self.paths = arguments.path or []
        self.ipaths = arguments.ipath or []
        self.sizes = [_bound(text) for text in arguments.size or []]
        self.type = arguments.type

    def __call__(self, place: Place, entry: Entry) -> bool:
        path = entry.path.rstrip("/") or place.name
        name = path.rpartition("/")[2]
        return (
            (not self.type or (self.type == "d") == entry.is_folder)
            and all(low <= entry.size <= high for low, high in self.sizes)
            and _any(fnmatchcase, name, self.names)
            and _any(fnmatchcase, path, self.paths)
            and _any(fnmatch, name.lower(), [given.lower() for given in self.inames])
            and _any(fnmatch, path.lower(), [given.lower() for given in self.ipaths])
        )


def _any(fits: Any, text: str, patterns: list[str]) -> bool:
    return not patterns or any(fits(text, pattern) for pattern in patterns)


def _bound(text: str) -> tuple[float, float]:
    """Least and most bytes: `+10K` and `10K` are at least so many, `-10K` at most."""
    found = _SIZE.fullmatch(text)
    if found is None:
        msg = f"size is a number of bytes, as `1000`, `+10K` or `-2G`, not `{text}`"
        raise DataChainParamsError(msg)
    sign, number, suffix = found.groups()
    amount = float(number) * float(_BINARY ** " KMGT".index(suffix.upper() or " "))
    return (0, amount) if sign == "-" else (amount, float("inf"))


def _with_folders(place: Place) -> Iterator[Entry]:
    """The files below a place, each folder before the first file in it."""
    seen: set[str] = set()
    for entry in files_below(place):
        parts = entry.path.split("/")
        for end in range(1, len(parts)):
            folder = "/".join(parts[:end]) + "/"
            if folder not in seen:
                seen.add(folder)
                yield Entry(folder)
        yield entry


def _cell(column: str, place: Place, entry: Entry, sizes: dict[str, int]) -> str:
    path = entry.path.rstrip("/")
    if column == "name":
        return shown(path.rpartition("/")[2] or place.name)
    if column == "size":
        return str(entry.size)
    if column == "type":
        return "d" if entry.is_folder else "f"
    if column == "du":
        return str(sizes[path] if entry.is_folder else entry.size)
    return shown(str(place.child(path) if path else place))


# du


def du(arguments: argparse.Namespace) -> None:
    """Print how many bytes are below each source, and below its folders down to a depth."""
    step = _DECIMAL if arguments.si else _BINARY
    for place, file in [one for given in arguments.sources for one in found_at(given)]:
        sizes = {"": file.size} if file else _sizes(place, arguments.depth)
        for path in sorted(sizes, key=_after_what_it_holds):
            size = sizes[path]
            text = str(size) if arguments.bytes else f"{short_size(size, step):>7}"
            print(f"{text} {shown(str(place.child(path) if path else place))}")


def _after_what_it_holds(folder: str) -> list[str]:
    return [*filter(None, folder.split("/")), _LAST]


def _sizes(place: Place, depth: int | None) -> dict[str, int]:
    """Bytes below each folder, by its path; all folders, or those down to a depth."""
    sizes = {"": 0}
    for entry in files_below(place):
        parts = entry.path.split("/")[:-1][:depth]
        for end in range(len(parts) + 1):
            folder = "/".join(parts[:end])
            sizes[folder] = sizes.get(folder, 0) + entry.size
    return sizes
