"""`lakebed sql`: statements of SQL from the command line, from a file, or typed at a prompt."""

from __future__ import annotations

import json
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakebed._extras import needed
from lakebed.exceptions import DataChainParamsError, LakebedError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from lakebed.chain import DataChain

_PIECES = re.compile(
    r"""'(?:[^']|'')*' | "(?:[^"]|"")*" | --[^\n]* | /\*.*?\*/ | (?P<end>;)""",
    re.VERBOSE | re.DOTALL,
)
"""What may hold a `;` that ends nothing, and those that end a statement."""

_WORDS = """
ALL AND AS ASC BETWEEN BY CASE COPY CREATE CROSS DELETE DESC DESCRIBE DISTINCT DROP ELSE END EXCEPT
EXISTS EXPLAIN FALSE FROM FULL GROUP HAVING IF IN INNER INSERT INTERSECT INTO IS JOIN LEFT LIKE
LIMIT MATCHED MERGE NOT NULL OFFSET ON OR ORDER OVER PARTITION REPLACE RIGHT SELECT SET SHOW TABLE
TABLES THEN TO TRUE UNION UPDATE USING VALUES VERSION WHEN WHERE WITH
"""
"""What completes, beside names."""

_HISTORY = ".lakebed_sql_history"
_PROMPT, _MORE = "lakebed> ", "    ...> "


def sql(arguments: argparse.Namespace) -> None:
    """Run what is given, or ask for statements."""
    values, named = _parameters(arguments.parameters)
    if arguments.text and arguments.file:
        msg = "give a statement or -f FILE, not both"
        raise DataChainParamsError(msg)
    if arguments.text:
        texts = [arguments.text]
    elif arguments.file:
        texts = list(statements(Path(arguments.file).read_text(encoding="utf-8")))
    elif not sys.stdin.isatty():
        texts = list(statements(sys.stdin.read()))
    else:
        _prompt(arguments, values, named)
        return
    for text in texts:
        _run(text, arguments, values, named)


def statements(text: str) -> Iterator[str]:
    """The statements of a text: what stands between `;`."""
    begin = 0
    for piece in _PIECES.finditer(text):
        if piece["end"]:
            yield from _whole(text[begin : piece.start()])
            begin = piece.end()
    yield from _whole(text[begin:])


def _whole(text: str) -> Iterator[str]:
    if _PIECES.sub(lambda piece: "" if piece[0][:2] in {"--", "/*"} else piece[0], text).strip():
        yield text.strip()


def _is_ended(text: str) -> bool:
    """Whether a `;` that counts is the last thing of it."""
    ends = [piece.end() for piece in _PIECES.finditer(text) if piece["end"]]
    return bool(ends) and not list(_whole(text[ends[-1] :]))


def _parameters(given: list[str]) -> tuple[list[Any], dict[str, Any]]:
    """`name=value`; a number is a place. A value is JSON where it can be, else text."""
    places: dict[int, Any] = {}
    named: dict[str, Any] = {}
    for one in given:
        name, equals, text = one.partition("=")
        if not equals or not name:
            msg = f"a parameter is given as name=value, not `{one}`"
            raise DataChainParamsError(msg)
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        if name.isdecimal():
            places[int(name)] = value
        else:
            named[name] = value
    for place in range(1, len(places) + 1):
        if place not in places:
            msg = f"the parameter `{place}` has no value, and there are {len(places)}"
            raise DataChainParamsError(msg)
    return [places[place] for place in sorted(places)], named


def _run(
    text: str, arguments: argparse.Namespace, values: list[Any], named: dict[str, Any]
) -> None:
    import lakebed as dc
    from lakebed._native import look_at_sql

    asked = {name: value for name, value in named.items() if name in look_at_sql(text)[1]}
    chain = dc.sql(text, *values, **(named if arguments.text else asked))
    if chain.version is not None and look_at_sql(text)[2]:
        print(f"{chain.name}@{chain.version}: {chain.count()} rows")
    else:
        _print(chain, arguments)


def _print(chain: DataChain, arguments: argparse.Namespace) -> None:
    form = arguments.format
    if form == "table":
        chain.show(arguments.limit, flatten=True)
        return
    if form == "parquet" and sys.stdout.isatty():
        msg = "parquet is not for a terminal; hint: write it to a file, as > rows.parquet"
        raise DataChainParamsError(msg)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"rows.{form}")
        getattr(chain, f"to_{form}")(path)
        sys.stdout.flush()
        with path.open("rb") as rows:
            shutil.copyfileobj(rows, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    if form == "json":
        print()


# The prompt


def _prompt(arguments: argparse.Namespace, values: list[Any], named: dict[str, Any]) -> None:
    """Ask for statements until the input ends."""
    toolkit = needed("prompt_toolkit", "lakebed[sql]")
    history = needed("prompt_toolkit.history", "lakebed[sql]")
    asking = toolkit.PromptSession(history=history.FileHistory(str(Path.home() / _HISTORY)))
    print("statements end with `;`, \\q ends the prompt")
    text = ""
    while True:
        try:
            line = asking.prompt(_MORE if text else _PROMPT, completer=_completer())
        except KeyboardInterrupt:
            text = ""
            continue
        except EOFError:
            return
        if not text and line.strip() in {"\\q", "quit", "exit"}:
            return
        text += line + "\n"
        if not text.strip():
            text = ""
        elif _is_ended(text):
            for one in statements(text):
                _answer(one, arguments, values, named)
            text = ""


def _answer(
    text: str, arguments: argparse.Namespace, values: list[Any], named: dict[str, Any]
) -> None:
    """Run a statement; what is wrong with it ends nothing."""
    try:
        _run(text, arguments, values, named)
    except (LakebedError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)


def _completer() -> Any:
    """Words of SQL, and the names of what there is now."""
    completion = needed("prompt_toolkit.completion", "lakebed[sql]")
    return completion.WordCompleter([*_WORDS.split(), *names()], ignore_case=True)


def names() -> list[str]:
    """What a statement may name: datasets, their columns, tables of what there is."""
    import lakebed as dc

    text = (
        "SELECT DISTINCT name FROM lakebed.datasets UNION "
        'SELECT DISTINCT "column" FROM lakebed.columns UNION '
        "SELECT table_schema || '.' || table_name FROM information_schema.tables "
        "WHERE table_type = 'SYSTEM VIEW'"
    )
    return sorted(dc.sql(text).to_values("name"))
