"""The `lakebed` command: look at datasets and buckets from a terminal, copy files, and clean up.

A thin layer over the public API: arguments in, one call, text out. Errors are one line
on stderr and exit code 1.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import traceback
from typing import TYPE_CHECKING, Any, NoReturn

from lakebed._cli import parsers
from lakebed._cli.text import aligned, size

if TYPE_CHECKING:
    from collections.abc import Sequence

_EXAMPLES = """\
examples:
  lakebed dataset ls                    all datasets with their latest versions
  lakebed dataset ls pets --versions    every version of one dataset
  lakebed show pets --limit 5           the first rows
  lakebed show pets@1.2.0 --schema      the columns of a version
  lakebed show pets --script            the script that made it
  lakebed dataset rm pets --version 1.0.0
  lakebed dataset rm pets --force       all versions
  lakebed gc --dry-run                  what could be removed from disk
  lakebed ls s3://bucket/pets/          the files in a bucket or folder
  lakebed find s3://bucket --name '*.jpg' --size +1M
  lakebed cp -r s3://bucket/pets .      copy them here; again, to go on after a break
  lakebed bucket status gs://bucket     is it there, and may I look into it?

environment:
  LAKEBED_ROOT    where the data is; ./.lakebed by default
  LAKEBED_CACHE   where fetched files are; the folder cache in the root by default
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    arguments = build_parser().parse_args(argv)
    if hasattr(arguments, "verbose"):
        logging.basicConfig(level=logging.DEBUG)
    try:
        arguments.run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # the reader (`| head`) has what it wanted; nothing may be written any more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # noqa: BLE001  the last one to see it
        if hasattr(arguments, "verbose"):
            traceback.print_exception(error)
        print(_message(error), file=sys.stderr)
        return 1
    return 0


def build_parser() -> argparse.ArgumentParser:
    """The command line as a parser, for `main` and for documentation."""
    parser = _Parser(
        prog="lakebed",
        description="Look at and manage lakebed datasets, and files in buckets.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version)
    parser.set_defaults(run=lambda _: parser.print_help())
    commands = parser.add_subparsers(metavar="COMMAND")
    _add_show(commands)
    _add_dataset(commands)
    _add_gc(commands)
    parsers.add(commands)
    return parser


def _add_show(commands: Any) -> None:
    show = commands.add_parser("show", help="print rows, columns or script of a dataset")
    show.add_argument("name", metavar="NAME[@VERSION]")
    show.add_argument("--limit", type=int, default=20, metavar="N", help="rows (20); 0: all")
    what = show.add_mutually_exclusive_group()
    what.add_argument("--schema", action="store_true", help="print the columns instead")
    what.add_argument("--script", action="store_true", help="print the script that made it")
    show.set_defaults(run=_show)


def _add_dataset(commands: Any) -> None:
    dataset = commands.add_parser("dataset", aliases=["ds"], help="list and remove datasets")
    dataset.set_defaults(run=lambda _: dataset.print_help())
    actions = dataset.add_subparsers(metavar="ACTION")
    ls = actions.add_parser("ls", help="list datasets")
    ls.add_argument("name", nargs="?", metavar="NAME", help="only this one, all its versions")
    ls.add_argument("--versions", action="store_true", help="every version, not the latest")
    ls.set_defaults(run=_list)
    rm = actions.add_parser("rm", aliases=["remove"], help="remove a version of a dataset")
    rm.add_argument("name", metavar="NAME[@VERSION]")
    rm.add_argument("--version", help="which version; the latest by default")
    rm.add_argument("--force", action="store_true", help="remove all versions")
    rm.set_defaults(run=_remove)


def _add_gc(commands: Any) -> None:
    gc = commands.add_parser(
        "gc",
        help="remove files that nobody needs any more",
        description="Remove what killed processes and removed versions left on disk, and "
        "results of functions that no run used for a while.",
    )
    gc.add_argument(
        "--ttl",
        type=float,
        metavar="SECONDS",
        help="leave files that are younger; by default results of functions stay for seven "
        "days, so that a failed run can go on, and all else for four hours",
    )
    gc.add_argument("--dry-run", action="store_true", help="remove nothing, only report")
    gc.set_defaults(run=_gc)


class _Parser(argparse.ArgumentParser):
    """Wrong usage is an error like any other: one line, a hint, exit code 1."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        told = self.add_mutually_exclusive_group()
        for name, what in (("verbose", "all there is to tell"), ("quiet", "only what went wrong")):
            # not set unless given: the parser of a command would take back what came before it
            absent = argparse.SUPPRESS
            flags = (f"-{name[0]}", f"--{name}")
            told.add_argument(*flags, action="store_true", default=absent, help=what)

    def error(self, message: str) -> NoReturn:
        print(f"error: {message}\nhint: {self.prog} --help", file=sys.stderr)
        sys.exit(1)


class _Version(argparse.Action):
    """Print the version; the package is imported only then."""

    def __init__(self, option_strings: Sequence[str], dest: str, **_: Any) -> None:
        super().__init__(option_strings, dest, nargs=0, help="print the version")

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from importlib.metadata import version

        print(f"lakebed {version('lakebed')}")
        parser.exit()


# Commands


def _show(arguments: argparse.Namespace) -> None:
    import lakebed as dc

    if arguments.script:
        _show_script(arguments.name)
        return
    chain = dc.read_dataset(arguments.name)
    if arguments.schema:
        print(chain.schema)
    else:
        chain.show(arguments.limit)


def _show_script(given: str) -> None:
    name, _, version = given.partition("@")
    rows = _rows(name)
    chosen = [row for row in rows if row["version"] == version] if version else rows[-1:]
    if not rows:
        raise _not_found(name)
    if not chosen:
        raise _version_not_found(name, version, [row["version"] for row in rows])
    print(chosen[0]["query_script"] or f"# no script is known of `{given}`")


def _list(arguments: argparse.Namespace) -> None:
    rows = _rows(arguments.name)
    if arguments.name and not rows:
        raise _not_found(arguments.name)
    if not (arguments.versions or arguments.name):
        rows = list({_full_name(row): row for row in rows}.values())
    if not rows:
        print("no datasets yet")
        return
    print(_table(rows))


def _remove(arguments: argparse.Namespace) -> None:
    import lakebed as dc
    from lakebed.exceptions import DataChainParamsError

    name, _, version = arguments.name.partition("@")
    if version and arguments.version not in (None, version):
        msg = f"two versions were given: `{version}` and `{arguments.version}`"
        raise DataChainParamsError(msg)
    version = arguments.version or version or None
    if version and arguments.force:
        msg = f"--force removes all versions, but version `{version}` was given: use one"
        raise DataChainParamsError(msg)
    dc.delete_dataset(name, version=version, force=arguments.force)
    which = "all versions" if arguments.force else f"version {version or 'latest'}"
    print(f"removed {name}, {which}")


def _gc(arguments: argparse.Namespace) -> None:
    import lakebed as dc

    report = dc.gc(ttl=arguments.ttl, dry_run=arguments.dry_run)
    done = "would remove" if report.dry_run else "removed"
    lines = [(done, found.what, found.reason, [found]) for found in report.removed]
    for reason in dict.fromkeys(found.reason for found in report.kept):
        alike = [found for found in report.kept if found.reason == reason]
        what = alike[0].what if len(alike) == 1 else f"{len(alike)} datasets"
        lines.append(("kept", what, reason, alike))
    table = [("", "WHAT", "FILES", "SIZE", "BECAUSE")]
    for action, what, reason, alike in lines:
        count, freed = sum(one.files for one in alike), sum(one.bytes for one in alike)
        table.append((action, what, f"{count:,}", size(freed), reason))
    if lines:
        print(aligned(table, right=(2, 3)))
    print(f"{'to free' if report.dry_run else 'freed'}: {size(report.freed)}")


# What the commands print

_FIELDS = (
    "namespace", "project", "name", "version", "num_objects", "size", "created_at",
    "query_script",
)  # fmt: skip


def _rows(name: str | None) -> list[dict[str, Any]]:
    """The dataset versions of this name, or all, oldest version first."""
    import lakebed as dc

    rows = [dict(zip(_FIELDS, row, strict=True)) for row in dc.datasets().to_list(*_FIELDS)]
    wanted = name.split(".") if name else []
    found = [r for r in rows if _full_name(r).split(".")[3 - len(wanted) :] == wanted]
    return sorted(found if name else rows, key=lambda r: (_full_name(r), _order(r["version"])))


def _full_name(row: dict[str, Any]) -> str:
    return f"{row['namespace']}.{row['project']}.{row['name']}"


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _not_found(name: str) -> Exception:
    from lakebed._hint import did_you_mean
    from lakebed.exceptions import DatasetNotFoundError

    known = sorted({row["name"] for row in _rows(None)})
    return DatasetNotFoundError(f"dataset `{name}` not found{did_you_mean(name, known)}")


def _version_not_found(name: str, version: str, known: list[str]) -> Exception:
    from lakebed._hint import did_you_mean
    from lakebed.exceptions import DatasetVersionNotFoundError

    hint = did_you_mean(version, known)
    return DatasetVersionNotFoundError(f"dataset `{name}` has no version `{version}`{hint}")


def _table(rows: list[dict[str, Any]]) -> str:
    lines = [("NAME", "VERSION", "ROWS", "SIZE", "CREATED")]
    for row in rows:
        full = _full_name(row).removeprefix("local.local.")
        created = row["created_at"]
        when = f"{created:%Y-%m-%d %H:%M}" if created else ""
        count = "" if row["num_objects"] is None else f"{row['num_objects']:,}"
        lines.append((full, row["version"], count, size(row["size"]), when))
    return aligned(lines, right=(2, 3))


def _message(error: Exception) -> str:
    """`error: …`, with the hint on a line of its own."""
    text = " ".join(str(error).split()) or type(error).__name__
    what, _, hint = text.partition("; hint: ")
    return f"error: {what}\nhint: {hint}" if hint else f"error: {what}"


if __name__ == "__main__":
    sys.exit(main())
