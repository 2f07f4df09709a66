"""The arguments of the commands that look at storage and copy files."""

from __future__ import annotations

import argparse
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def add(commands: Any) -> None:
    """Add all of them."""
    _add_ls(commands)
    _add_find(commands)
    _add_du(commands)
    _add_cp(commands)
    _add_clone(commands)
    _add_index(commands)
    _add_bucket(commands)
    _add_clear_cache(commands)


def _add_ls(commands: Any) -> None:
    ls = commands.add_parser(
        "ls",
        parents=[_reached()],
        help="list files, or the listings that are kept",
        description="List what is in buckets and folders; without a source, the listings that "
        "are kept.",
    )
    ls.add_argument("sources", nargs="*", metavar="SOURCE", help="a path, URI or pattern")
    ls.add_argument("-l", "--long", action="store_true", help="also when it was written (UTC)")
    ls.add_argument("-L", "--local", action="store_true", help="listings that are here: all")
    ls.add_argument("-a", "--all", action="store_true", help="those that are anywhere: the same")
    for option, words in (("--studio", 0), ("--team", None)):
        ls.add_argument(option, action=Refused, nargs=words, why="listings are local")
    _runs(ls, "look", "ls")


def _add_find(commands: Any) -> None:
    find = commands.add_parser(
        "find",
        parents=[_reached()],
        help="search for files",
        description="Print the files and folders below each source that every option fits; "
        "an option may be given more than once, and fits then by any of its values.",
    )
    _add_sources(find)
    for name, what in (("name", "name"), ("path", "path below the source")):
        find.add_argument(f"--{name}", action="append", metavar="GLOB", help=f"its {what}")
        find.add_argument(
            f"--i{name}", action="append", metavar="GLOB", help="the same in any case"
        )
    find.add_argument(
        "--size",
        action="append",
        metavar="N",
        help="at least N bytes; -N at most; K, M, G and T are units",
    )
    find.add_argument("--type", choices=["f", "d"], help="only files, or only folders")
    find.add_argument(
        "-c",
        "--columns",
        default="path",
        metavar="A,B",
        help="what is printed: du, name, path (default), size, type",
    )
    _runs(find, "look", "find")


def _add_du(commands: Any) -> None:
    du = commands.add_parser("du", parents=[_reached()], help="sum up sizes")
    _add_sources(du)
    du.add_argument("-b", "--bytes", action="store_true", help="bytes, without a unit")
    du.add_argument(
        "-d",
        "--depth",
        "--max-depth",
        type=_depth,
        default=0,
        metavar="N",
        help="also folders so deep below the source (0)",
    )
    du.add_argument("--si", action="store_true", help="units of 1000, not 1024")
    _runs(du, "look", "du")


def _add_cp(commands: Any) -> None:
    cp = commands.add_parser(
        "cp",
        parents=[_reached(), _copied()],
        help="copy files from and to buckets",
        description="Copy files between this machine and buckets, and between buckets. A folder "
        "goes into OUTPUT under its name, or becomes OUTPUT when that is new; with / at its end, "
        "it is what the folder holds that is copied. Files that are there already are skipped: a "
        "copy that broke off goes on when it is called again.",
    )
    _runs(cp, "copying", "cp")


def _add_clone(commands: Any) -> None:
    clone = commands.add_parser(
        "clone",
        parents=[_reached(), _copied()],
        help="copy files, and save what they are as a dataset",
        description="Copy files as `cp` does, and save a dataset that is called as OUTPUT, with a "
        "row for each file of the sources.",
    )
    clone.add_argument("--no-cp", action="store_true", help="only save the dataset")
    _runs(clone, "cloning", "clone")


def _add_index(commands: Any) -> None:
    index = commands.add_parser(
        "index", parents=[_reached()], help="list buckets and folders ahead, for chains"
    )
    _add_sources(index)
    _runs(index, "buckets", "index")


def _add_bucket(commands: Any) -> None:
    bucket = commands.add_parser("bucket", help="look at a bucket as a whole")
    bucket.set_defaults(run=lambda _: bucket.print_help())
    actions = bucket.add_subparsers(metavar="ACTION")
    status = actions.add_parser("status", help="is it there, and who may look into it?")
    status.add_argument("uri", metavar="URI", help="for example s3://bucket")
    status.add_argument("--account-name", metavar="NAME", help="the account, for Azure")
    _runs(status, "buckets", "status")


def _add_clear_cache(commands: Any) -> None:
    clear = commands.add_parser("clear-cache", help="remove files that were fetched from buckets")
    _runs(clear, "buckets", "clear_cache")


def _add_sources(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("sources", nargs="+", metavar="SOURCE", help="a path, URI or pattern")


def _reached() -> argparse.ArgumentParser:
    """How storage is reached, the same for all."""
    parent = argparse.ArgumentParser(add_help=False)
    parent.add_argument("--anon", action="store_true", help="without credentials")
    parent.add_argument("-u", "--update", action="store_true", help="list anew")
    return parent


def _copied() -> argparse.ArgumentParser:
    """What is copied to where, and how."""
    parent = argparse.ArgumentParser(add_help=False)
    _add_sources(parent)
    parent.add_argument("output", metavar="OUTPUT")
    parent.add_argument("-f", "--force", action="store_true", help="replace other files")
    parent.add_argument("-r", "-R", "--recursive", action="store_true", help="also folders")
    parent.add_argument("--no-glob", action="store_true", help="take `*`, `?` and `[` as they are")
    return parent


def _depth(text: str) -> int:
    depth = int(text)
    if depth < 0:
        msg = f"a depth is 0 or more, not {text}"
        raise argparse.ArgumentTypeError(msg)
    return depth


class Refused(argparse.Action):
    """An option of the peer that has no meaning here: whoever gives it is told why."""

    def __init__(self, *args: Any, why: str, **options: Any) -> None:
        """Keep the reason."""
        super().__init__(*args, **options)
        self.help = argparse.SUPPRESS
        self.why = why

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Tell it."""
        del namespace, values
        parser.error(f"{option_string} is not supported: {self.why}")


def _runs(parser: argparse.ArgumentParser, module: str, name: str) -> None:
    """The command is a function of a module of ours, imported when it is called."""
    parser.set_defaults(run=partial(_run, module, name))


def _run(module: str, name: str, arguments: argparse.Namespace) -> None:
    from lakebed._storage import without_session

    with without_session(_options(arguments)):
        call(module, name, arguments)


def call(module: str, name: str, arguments: argparse.Namespace) -> None:
    """Call a function of a module of ours, imported only now."""
    from importlib import import_module

    command: Callable[[argparse.Namespace], None]
    command = getattr(import_module(f"lakebed._cli.{module}"), name)
    command(arguments)


def _options(arguments: argparse.Namespace) -> dict[str, str]:
    """How buckets are reached, beyond what the environment says."""
    given = vars(arguments)
    options = {"anon": "true"} if given.get("anon") else {}
    if given.get("account_name"):
        options["account_name"] = given["account_name"]
    return options
