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

from lakebed._cli import dataset_parsers, parsers, serving, units
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
  lakebed sql "SELECT count(*) FROM pets" --format csv
  lakebed dataset diff pets 1.0.0 1.1.0 what changed between two versions
  lakebed dataset lineage pets          what it was made of
  lakebed why pets                      what changed of the functions that made it
  lakebed dataset edit pets --new-name animals
  lakebed dataset rm pets --version 1.0.0
  lakebed dataset rm pets --force       all versions
  lakebed gc --dry-run                  what could be removed from disk
  lakebed ls s3://bucket/pets/          the files in a bucket or folder
  lakebed find s3://bucket --name '*.jpg' --size +1M
  lakebed cp -r s3://bucket/pets .      copy them here; again, to go on after a break
  lakebed bucket status gs://bucket     is it there, and may I look into it?
  lakebed serve --postgres 127.0.0.1:5433   read datasets with psql
  lakebed run-unit unit.json            call a function for rows that a script cut off

environment:
  LAKEBED_ROOT        where the data is; ./.lakebed by default
  LAKEBED_CACHE       where fetched files are; the folder cache in the root by default
  LAKEBED_NAMESPACE   the namespace of names without one; local by default
  LAKEBED_PROJECT     the project of names without one, or both: namespace.project
  LAKEBED_TOKEN       what clients of `serve` have to know
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
    parser.add_argument("-V", "--version", action=_Version)
    parser.set_defaults(run=lambda _: parser.print_help())
    commands = parser.add_subparsers(metavar="COMMAND")
    dataset_parsers.add(commands)
    _add_gc(commands)
    parsers.add(commands)
    serving.add(commands)
    units.add(commands)
    return parser


def _add_gc(commands: Any) -> None:
    gc = commands.add_parser(
        "gc",
        help="remove files that nobody needs any more",
        description="Remove what killed processes and removed versions left on disk, and "
        "results of functions that no run used for a while.",
    )
    gc.add_argument(
        "--ttl",
        "--checkpoint-ttl",
        type=float,
        metavar="SECONDS",
        help="leave files that are younger; by default results of functions stay for seven "
        "days, so that a failed run can go on, and all else for four hours",
    )
    gc.add_argument(
        "--compact",
        action="store_true",
        help="make a new version of each newest one whose rows lie in many small files, with "
        "the same rows in few",
    )
    gc.add_argument("--dry-run", action="store_true", help="change nothing, only report")
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


def _gc(arguments: argparse.Namespace) -> None:
    import lakebed as dc

    report = dc.gc(ttl=arguments.ttl, compact=arguments.compact, dry_run=arguments.dry_run)
    done = "would compact" if report.dry_run else "compacted"
    lines = [(done, found.what, found.reason, [found]) for found in report.compacted]
    done = "would remove" if report.dry_run else "removed"
    lines += [(done, found.what, found.reason, [found]) for found in report.removed]
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


def _message(error: Exception) -> str:
    """`error: …`, with the hint on a line of its own."""
    text = " ".join(str(error).split()) or type(error).__name__
    what, _, hint = text.partition("; hint: ")
    return f"error: {what}\nhint: {hint}" if hint else f"error: {what}"


if __name__ == "__main__":
    sys.exit(main())
