"""The arguments of the commands that look at datasets and change them."""

from __future__ import annotations

import argparse
from functools import partial
from typing import Any

from lakebed._cli.completion import SHELLS
from lakebed._cli.parsers import Refused, call

FORMATS = ("table", "csv", "json", "jsonl", "parquet")

_HOSTED = "datasets are local"


def add(commands: Any) -> None:
    """Add all of them."""
    _add_show(commands)
    _add_sql(commands)
    _add_why(commands)
    dataset = commands.add_parser("dataset", aliases=["ds"], help="list and change datasets")
    dataset.set_defaults(run=lambda _: dataset.print_help())
    actions = dataset.add_subparsers(metavar="ACTION")
    _add_ls(actions)
    _add_rm(actions)
    _add_edit(actions)
    _add_diff(actions)
    _add_lineage(actions)
    completion = commands.add_parser("completion", help="print a script that completes commands")
    completion.add_argument("-s", "--shell", choices=SHELLS, default="bash", help="(bash)")
    _runs(completion, "completion", "completion")


def _add_show(commands: Any) -> None:
    show = commands.add_parser("show", help="print rows, columns or script of a dataset")
    _add_version(show)
    show.add_argument("--limit", type=_count, default=10, metavar="N", help="rows (10); 0: all")
    show.add_argument("--offset", type=_count, default=0, metavar="N", help="rows to pass over")
    show.add_argument(
        "--columns", action="append", default=[], metavar="A,B", help="only these columns or fields"
    )
    show.add_argument("--no-collapse", action="store_true", help="whole names in one header line")
    show.add_argument("--hidden", action="store_true", help="also fields that models hide")
    what = show.add_mutually_exclusive_group()
    what.add_argument("--schema", action="store_true", help="print the columns instead")
    what.add_argument("--script", action="store_true", help="print the script that made it")
    _runs(show, "datasets", "show")


def _add_why(commands: Any) -> None:
    why = commands.add_parser(
        "why",
        help="say what changed of the functions that made a dataset",
        description="Say what changed since a dataset was saved here last, of the code of its "
        "functions and of what they read: files, variables of the environment, datasets.",
    )
    why.add_argument("name", metavar="NAME", help="the dataset")
    _runs(why, "datasets", "why")


def _add_sql(commands: Any) -> None:
    sql = commands.add_parser(
        "sql",
        help="run a statement of SQL, or ask for some",
        description="Run a statement over datasets and files; without one, read them from the "
        "input, or ask for them at a prompt.",
    )
    sql.add_argument("text", nargs="?", metavar="STATEMENT")
    sql.add_argument("-f", "--file", metavar="FILE", help="a file of statements, each up to a `;`")
    sql.add_argument("--format", choices=FORMATS, default="table", help="of rows (table)")
    sql.add_argument(
        "--limit", type=_count, default=100, metavar="N", help="rows of a table (100); 0: all"
    )
    sql.add_argument(
        "-p",
        "--parameter",
        action="append",
        default=[],
        dest="parameters",
        metavar="NAME=VALUE",
        help="the value of $NAME, or of $1 as 1=VALUE: a number, true, null, JSON, else text",
    )
    _runs(sql, "sql", "sql")


def _add_ls(actions: Any) -> None:
    ls = actions.add_parser("ls", help="list datasets")
    ls.add_argument("name", nargs="?", metavar="NAME", help="only this one, all its versions")
    ls.add_argument("--versions", action="store_true", help="every version, not the latest")
    ls.add_argument("-l", "--long", action="store_true", help="also author, labels, description")
    ls.add_argument("--include-removed", action="store_true", help="also removed versions")
    ls.add_argument("-L", "--local", action="store_true", help="those that are here: all")
    ls.add_argument("-a", "--all", action="store_true", help="those that are anywhere: the same")
    _add_hosted(ls)
    _runs(ls, "datasets", "ls")


def _add_rm(actions: Any) -> None:
    rm = actions.add_parser("rm", aliases=["remove"], help="remove a version of a dataset")
    _add_version(rm)
    rm.add_argument(
        "--force", action=argparse.BooleanOptionalAction, default=False, help="remove all versions"
    )
    _add_hosted(rm)
    _runs(rm, "datasets", "rm")


def _add_edit(actions: Any) -> None:
    edit = actions.add_parser("edit", help="change name, description or labels of a dataset")
    edit.add_argument("name", metavar="NAME")
    edit.add_argument("--new-name", metavar="NAME", help="also in another project")
    edit.add_argument("--description", metavar="TEXT", help="what it is")
    edit.add_argument("--attrs", nargs="*", metavar="LABEL", help="all of its labels")
    _add_hosted(edit)
    _runs(edit, "datasets", "edit")


def _add_diff(actions: Any) -> None:
    diff = actions.add_parser(
        "diff",
        help="what changed between two versions",
        description="Print columns and rows that one of two versions of a dataset has, and the "
        "other has not. In the table of rows, A is added, D removed and M changed.",
    )
    diff.add_argument("name", metavar="NAME")
    diff.add_argument("old", metavar="V1", help="a version, as 1.0.0")
    diff.add_argument("new", metavar="V2", help="the later one")
    diff.add_argument(
        "--on",
        action="append",
        default=[],
        metavar="A,B",
        help="columns that say which rows are the same one; without them whole rows are compared",
    )
    diff.add_argument("--limit", type=_count, default=20, metavar="N", help="rows (20); 0: all")
    _runs(diff, "difference", "diff")


def _add_lineage(actions: Any) -> None:
    lineage = actions.add_parser("lineage", help="what a version was made of")
    _add_version(lineage)
    lineage.add_argument("--down", action="store_true", help="what was made of it")
    lineage.add_argument("--depth", type=_count, metavar="N", help="so many steps; all by default")
    _runs(lineage, "datasets", "lineage")


def _add_version(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME[@VERSION]")
    parser.add_argument("--version", help="which version; the latest by default")


def _add_hosted(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--studio", action=Refused, nargs=0, why=_HOSTED)
    parser.add_argument("--team", action=Refused, why=_HOSTED)


def _runs(parser: argparse.ArgumentParser, module: str, name: str) -> None:
    parser.set_defaults(run=partial(call, module, name))


def _count(text: str) -> int:
    count = int(text)
    if count < 0:
        msg = f"a number of rows is 0 or more, not {text}"
        raise argparse.ArgumentTypeError(msg)
    return count
