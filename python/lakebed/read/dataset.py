"""`read_dataset`, `sql` and `register_udf`: saved datasets, and statements over them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from lakebed.chain import DataChain, chain_of
from lakebed.exceptions import DataChainParamsError
from lakebed.read._arguments import refuse
from lakebed.read._delta import Delta
from lakebed.session import Session

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def read_dataset(  # noqa: PLR0917  the peer's order
    name: str,
    namespace: str | None = None,
    project: str | None = None,
    version: str | int | None = None,
    session: Session | None = None,
    settings: Mapping[str, Any] | None = None,
    *,
    delta: bool = False,
    delta_on: str | Sequence[str] | None = None,
    delta_result_on: str | Sequence[str] | None = None,
    delta_compare: str | Sequence[str] | None = None,
    delta_retry: bool | str | None = None,
    delta_unsafe: bool = False,
    delta_deleted: str | None = None,
    delta_code: str = "warn",
    **others: Any,
) -> DataChain:
    """A saved dataset: its latest version unless another is asked for.

    Args:
        name: `name`, `project.name` or `namespace.project.name`, also with `@version`.
        namespace: Of a name that has none.
        project: Of a name that has none.
        version: A number as `1.2.0`, a major number as 1, or a range as `>=1,<2`.
        session: Where to read; see `Session`.
        settings: As for `chain.settings()`.
        delta: When a chain over this is saved again under its name, compute only what is new or
            changed here since; the other rows of the latest version stay, in the files that they
            are in.
        delta_on: What a row is known by: paths of fields. By default a file's source and path.
        delta_result_on: Where the result has these values, if not in the same place.
        delta_compare: What tells that a row changed; by default everything else.
        delta_retry: Compute again what did not change: with the name of a field of the result,
            where that says an error; with True, what is missing in the result.
        delta_unsafe: Let `limit`, `offset` and `sample` see what changed only.
        delta_deleted: `keep` or `drop` rows whose source is gone. By default they are kept, but
            for groups, which are computed from what is there. All sources of a chain must say the
            same; what a kept row has of other sources stays, too.
        delta_code: When functions or steps changed since: `warn`, `ignore`, or `rebuild`
            everything.
        others: Other options of the peer, refused with a reason.
    """
    refuse("read_dataset", **others)
    if isinstance(version, bool) or not isinstance(version, (str, int, type(None))):
        msg = f"version is text or a major number, not `{version!r}`"
        raise DataChainParamsError(msg)
    if isinstance(version, int):
        version = f">={version}.0.0,<{version + 1}.0.0"
    delta_of = Delta(
        delta,
        delta_on,
        delta_result_on,
        delta_compare,
        delta_retry,
        delta_unsafe,
        delta_deleted,
        delta_code,
    )
    held = Session.get(session)
    native = held._native.read_dataset(name, namespace, project, version)
    if session is None and (observe := sys.modules.get("lakebed._udf.observe")):
        # a function whose results stand for what it is
        observe.dataset(name, namespace, project, version)
    return chain_of(delta_of.applied(native), held, settings, native.dataset)


def sql(text: str, *values: Any, session: Session | None = None, **named: Any) -> DataChain:
    """The result of a statement of SQL.

    Tables are datasets: `name`, `project.name` or `namespace.project.name`, the latest version
    unless `"name@1.2.0"`, `dataset('name', '>=1,<2')` or `name FOR VERSION AS OF '1.2.0'` say
    which; chains that are given by name; and files in quotes, as `FROM 'pets.parquet'`. A
    statement sees one version of each. Tables of the schemas `lakebed` (`datasets`, `versions`,
    `columns`, `dependencies`, `jobs`, `metrics`, `params`) and `information_schema` tell what there
    is, and so do `SHOW TABLES`, `DESCRIBE name` and `EXPLAIN SELECT`.

    A query is read when the chain runs. What writes is done at once, as a whole or not at all:
    `CREATE [OR REPLACE] TABLE [IF NOT EXISTS] name AS SELECT`, `INSERT INTO`, `UPDATE`, `DELETE
    FROM` and `MERGE INTO` make a version, whose rows are returned; `DROP TABLE [IF EXISTS]`
    removes all versions, `COPY (SELECT …) TO 'pets.csv'` writes a file.

    Args:
        text: One statement.
        values: The values of `$1`, `$2` and so on, which are never pasted into the text.
        session: Where to read and save; see `Session`.
        named: Chains by the names of their tables, and values of `$name` by name.

    Raises:
        SqlError: The text is no statement, does not fit the tables, or does what is not
            supported; the message says what to do instead.
        DatasetNotFoundError: There is no such dataset.

    Examples:
        >>> import lakebed as dc
        >>> pets = dc.read_values(name=["cat", "dog"], size=[3, 5])
        >>> dc.sql("SELECT name FROM pets WHERE size > $1", 4, pets=pets).to_list()
        [('dog',)]
    """
    from lakebed._native import look_at_sql
    from lakebed._progress import progress
    from lakebed.read._sql import given, written

    if not isinstance(text, str):
        msg = f"sql takes text, not `{text!r}`"
        raise DataChainParamsError(msg)
    held = Session.get(session)
    files, _, writes = look_at_sql(text)
    beside = given(files, values, named, held)
    if not writes:
        return chain_of(held._native.sql(text, beside, None, None)[0], held)
    with progress() as report:
        native, version, copy = held._native.sql(text, beside, held._job_id(), report)
    chain = chain_of(native, held, None, version)
    return chain if copy is None else written(chain, *copy)


def register_udf(
    name: str, func: Any, output: Any = None, *, session: Session | None = None
) -> None:
    """Let statements of SQL call a Python function wherever a scalar function may stand.

    It is called for every row that reaches the step it stands in: SELECT, WHERE, GROUP BY, HAVING
    or ORDER BY. Another function of the name takes its place.

    Args:
        name: What statements call it.
        func: A function of values, or a `Mapper`.
        output: The type of what it gives, unless it is annotated.
        session: Whose statements; see `Session`.

    Raises:
        UdfSignatureError: What the function gives cannot be told or stored.
        DataChainParamsError: The name is no name.

    Examples:
        >>> import lakebed as dc
        >>> def shout(text: str) -> str:
        ...     return text.upper()
        >>> dc.register_udf("shout", shout)
        >>> pets = dc.read_values(name=["cat", "dog"])
        >>> dc.sql("SELECT shout(name) AS loud FROM pets", pets=pets).to_values("loud")
        ['CAT', 'DOG']
    """
    from lakebed.read._sql import spec_of_result

    if not isinstance(name, str) or not name.isidentifier():
        msg = f"the name of a function in SQL is a word, not `{name!r}`"
        raise DataChainParamsError(msg)
    Session.get(session)._functions[name] = (func, spec_of_result(name, func, output))
