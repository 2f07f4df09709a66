"""`DataChain`: what to do with columns of typed values, done when the result is asked for.

A verb checks its arguments, adds a step to the plan and returns a new chain; it reads
nothing. `save`, `show`, `count`, `to_...` and iterating run the plan.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from lakebed import _columns, _export
from lakebed._coerce import version_number, whole
from lakebed._hint import did_you_mean
from lakebed._progress import progress
from lakebed._schema import Schema, Signals
from lakebed._settings import Settings
from lakebed._udf.once import Once
from lakebed._udf.partition import free_names
from lakebed._udf.signature import Call
from lakebed._udf.stages import Keep, Stages
from lakebed.exceptions import (
    DataChainColumnError,
    DataChainParamsError,
    DatasetPrepareError,
    EphemeralError,
    SignalResolvingError,
    SignalResolvingTypeError,
)
from lakebed.expr import Column, Expr, call, to_expr
from lakebed.functions.aggregate import Aggregate
from lakebed.functions.aggregate import avg as avg_of
from lakebed.functions.aggregate import max as max_of
from lakebed.functions.aggregate import min as min_of
from lakebed.functions.aggregate import sum as sum_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from lakebed._native import Chain as _Native
    from lakebed.session import Session
    from lakebed.udf import AbstractUDF

_BUMPS = ("patch", "minor", "major")


class DataChain:
    """Rows with typed columns, made by `read_...` functions and changed by verbs.

    Chains do not change: every verb returns a new one.

    Examples:
        >>> import lakebed as dc
        >>> chain = dc.read_values(name=["cat", "dog"], size=[3, 5])
        >>> chain.filter(dc.C("size") > 4).to_list()
        [('dog', 5)]
    """

    __slots__ = (
        "_computed",
        "_name",
        "_native",
        "_session",
        "_settings",
        "_setup",
        "_silent",
        "_version",
    )

    def __init__(
        self,
        native: _Native,
        session: Session,
        settings: Settings | None = None,
        saved: tuple[str, str] | None = None,
    ) -> None:
        self._native = native
        self._session = session
        self._settings = settings or Settings()
        self._setup: dict[str, Once] = {}
        self._computed: _Native | None = None
        self._silent: frozenset[str] = frozenset()
        self._name = saved[0].rpartition(".")[2] if saved else None
        self._version = saved[1] if saved else None

    # What it is

    @property
    def schema(self) -> Schema:
        """The columns and their types; prints as a tree."""
        return Schema(self._native.schema())

    def column(self, name: str) -> Column:
        """The column or field of this name, as `C(name)`; it has to exist.

        Raises:
            SignalResolvingError: There is none.
        """
        known = _columns.resolved(self._native)
        if _columns.find(known, name) is None:
            msg = f"unknown column `{name}`{did_you_mean(name, _columns.known_paths(known))}"
            raise SignalResolvingError(msg)
        return Column(name)

    @property
    def signals_schema(self) -> Signals:
        """The columns as users of the peer read them: `signals_schema.values` is a dict."""
        return Signals(self.schema)

    @property
    def name(self) -> str | None:
        """The dataset's name while the chain is exactly a version of it."""
        return self._name

    @property
    def version(self) -> str | None:
        """The dataset's version while the chain is exactly that version."""
        return self._version

    @property
    def session(self) -> Session:
        """Where the chain reads and saves."""
        return self._session

    @property
    def empty(self) -> bool:
        """Whether there is no row; computes one."""
        return self.limit(1).count() == 0

    def print_schema(self) -> None:
        """Print the columns and their types."""
        print(self.schema)  # noqa: T201  what it is for

    def explain(self, *, analyze: bool = False) -> str:
        """The plan as text: which steps run, in which order.

        Args:
            analyze: Run the chain, and tell rows and times of each step.
        """
        if not analyze:
            return self._native.explain()
        with progress() as report:
            return self._native.analyze(report)

    def __repr__(self) -> str:
        return str(self.schema) or "Empty DataChain"

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return self.to_iter()

    # How it works

    def settings(
        self,
        cache: bool | None = None,  # noqa: FBT001
        prefetch: bool | int | None = None,  # noqa: FBT001
        parallel: bool | int | None = None,  # noqa: FBT001
        *,
        namespace: str | None = None,
        project: str | None = None,
        batch_size: int | None = None,
        sys: bool | None = None,
        ephemeral: bool | None = None,
        concurrency: int | None = None,
        batch_rows: int | None = None,
        on_error: Literal["raise", "skip", "null", "record"] | None = None,
        max_errors: int | None = None,
        timeout: float | None = None,
        retries: int | None = None,
        retry_on: type[BaseException] | Sequence[type[BaseException]] | None = None,
        retry_wait: float | None = None,
        memory: int | str | None = None,
        **others: Any,
    ) -> DataChain:
        """Change how the verbs that follow work; None leaves a setting as it is.

        No setting changes a result, but `on_error`, and with it what makes a row fail:
        `timeout`, `memory`, `retries` and `retry_on`.

        Args:
            cache: Keep downloaded files; local files are read where they are.
            prefetch: Files to download ahead of a function; local ones need none.
            parallel: Worker processes for functions; True and -1 mean all cores, False
                and None this process. Workers start once and stay for later verbs.
            namespace: Where `save` puts names without one.
            project: The same for the project.
            batch_size: Rows after which results of a function are safe from a crash, at
                the latest; 10 000 by default.
            sys: Show the column `sys` with `id` and `rand`.
            ephemeral: Keep nothing: no results of unfinished runs, and no `save`.
            concurrency: Rows under way at the same time: of an `async def` function in
                one event loop (16 by default), of others in as many threads (1).
            batch_rows: Rows of a call of `map_batches`; as many as suit by default.
            on_error: A row whose function raises fails the run ("raise", the default),
                is left out ("skip"), has None as results ("null"), or is left out and
                listed by `errors()` ("record"; those of "null" are listed too). So is a
                row that ends its worker process; a failing setup or teardown always fails
                the run.
            max_errors: Fail the run once more rows than this have failed.
            timeout: Seconds that a row may take before it fails with a `TimeoutError`. A
                function that is not `async def` then runs in a worker process.
            retries: How often a failed row is tried again; 0 by default.
            retry_on: The exceptions that are worth another try; all by default.
            retry_wait: Seconds before the first retry, doubled each time; 1 by default.
            memory: Bytes that a worker may use, or text such as "2GiB"; the row that
                needs more fails. The function then runs in a worker process.
            others: Settings of the peer that have no meaning here, refused with a reason.

        Raises:
            SettingsError: A setting is unknown or its value is wrong.
            NotSupportedError: The setting has no meaning here.

        Examples:
            >>> import lakebed as dc
            >>> chain = dc.read_values(x=[1, 0]).settings(on_error="null")
            >>> chain.map(inverse=lambda x: 1 / x).to_values("inverse")
            [1.0, None]
        """
        changed = self._settings.updated(
            cache=cache,
            prefetch=prefetch,
            parallel=parallel,
            namespace=namespace,
            project=project,
            batch_size=batch_size,
            sys=sys,
            ephemeral=ephemeral,
            concurrency=concurrency,
            batch_rows=batch_rows,
            on_error=on_error,
            max_errors=max_errors,
            timeout=timeout,
            retries=retries,
            retry_on=retry_on,
            retry_wait=retry_wait,
            memory=memory,
            **others,
        )
        return self._configured(changed)

    def reset_settings(self) -> DataChain:
        """All settings as they are by default."""
        return self._configured(Settings())

    def setup(self, **values: Callable[[], Any]) -> DataChain:
        """Make values for functions to take as parameters, such as a loaded model.

        Each callable runs once, when and where the first function needs it.

        Examples:
            >>> import lakebed as dc
            >>> chain = dc.read_values(x=[1, 2]).setup(by=lambda: 10)
            >>> chain.map(y=lambda x, by: x * by).to_values("y")
            [10, 20]
        """
        for name in values:
            if name in self._setup:
                msg = f"setup `{name}` is already defined"
                raise DatasetPrepareError(msg)
        made = {name: Once(name, func) for name, func in values.items()}
        chain = self._with(self._native)
        chain._setup = {**self._setup, **made}
        return chain

    # Rows

    def filter(self, *conditions: Expr) -> DataChain:
        """Keep the rows for which every condition is true; missing is not true.

        Examples:
            >>> import lakebed as dc
            >>> dc.read_values(x=[1, None, 3]).filter(dc.C("x") > 1).to_values("x")
            [3]
        """
        for condition in conditions:
            if not isinstance(condition, Expr):
                msg = (
                    f"filter takes expressions, not `{condition!r}`; hint: C(...) == value, "
                    "C(...).is_(None), & instead of `and`"
                )
                raise DataChainColumnError(msg)
        if not conditions:
            return self
        return self._with(self._native.filter([c._native for c in conditions]))

    def order_by(self, *keys: str | Expr, descending: bool = False) -> DataChain:
        """Sort by columns or expressions; missing values come last.

        Args:
            keys: Names or expressions; `.asc()` and `.desc()` decide for one key.
            descending: Largest first, for all keys that do not say otherwise.
        """
        if not keys:
            msg = "order_by takes at least one column"
            raise DataChainParamsError(msg)
        pairs = []
        for key in keys:
            expr = _key(key, "order_by")
            chosen = descending if expr._descending is None else expr._descending
            pairs.append((expr._native, chosen))
        return self._with(self._native.order_by(pairs))

    def limit(self, n: int) -> DataChain:
        """Keep the first `n` rows."""
        return self._with(self._native.limit(whole("limit", n)))

    def offset(self, n: int) -> DataChain:
        """Leave out the first `n` rows."""
        return self._with(self._native.offset(whole("offset", n)))

    # Columns

    def select(self, *columns: str | Expr, **named: Any) -> DataChain:
        """Keep only these columns, fields of columns, or named expressions.

        A field as `file.path` stays inside of its model, of which only the kept fields
        are left.

        Examples:
            >>> import lakebed as dc
            >>> chain = dc.read_values(x=[1, 2], y=[3, 4])
            >>> chain.select("y", double=dc.C("x") * 2).to_list()
            [(3, 2), (4, 4)]
        """
        paths = []
        for column in columns:
            if isinstance(column, Expr) and column._label:
                named[column._label] = column
                paths.append(column._label)
            elif isinstance(column, Expr) and not isinstance(column, Column):
                msg = f"select() cannot infer a name for `{column!r}`; hint: select(name=expr)"
                raise SignalResolvingTypeError(msg)
            else:
                paths.append(_columns.path_of(column, "select"))
        paths += [name for name in named if name not in paths]
        if not paths:
            return self
        # a renamed column would be gone under its old name, a computed one is a copy
        made = {name: _copied(value) for name, value in named.items()}
        chain = self.mutate(**made) if made else self
        return self._with(chain._native.select(paths))

    def select_except(self, *columns: str | Column) -> DataChain:
        """Leave out these columns or fields of columns."""
        if not columns:
            return self
        gone = _columns.paths_of(columns, "select_except")
        known = _columns.resolved(self._native)
        return self._with(self._native.select(_columns.without(known, gone)))

    def mutate(self, *args: Any, **columns: Any) -> DataChain:
        """Add columns, replace or rename them.

        Args:
            args: None; columns need names.
            columns: Expressions or constants by name. A plain column, as
                `new=C("old")`, is renamed; a field, as `path=C("file.path")`, copied.

        Examples:
            >>> import lakebed as dc
            >>> chain = dc.read_values(x=[1, 2])
            >>> chain.mutate(y=dc.C("x") + 1, kind="a").to_list()
            [(1, 2, 'a'), (2, 3, 'a')]
        """
        if args:
            msg = f"mutate takes columns by name, not `{args[0]!r}`; hint: mutate(name=...)"
            raise DataChainParamsError(msg)
        for name, value in columns.items():
            if isinstance(value, Aggregate):
                msg = f"column `{name}`: `{value!r}` needs a group; hint: group_by"
                raise DataChainColumnError(msg)
        if not columns:
            return self
        pairs = [(name, to_expr(value)._native) for name, value in columns.items()]
        return self._with(self._native.mutate(pairs))

    # Functions

    def map(
        self,
        func: Callable[..., Any] | AbstractUDF | None = None,
        params: str | Sequence[str] | None = None,
        output: Any = None,
        **signal_map: Any,
    ) -> DataChain:
        """Add columns computed by Python functions, one result for each row.

        Parameters of a function name its columns, or values of `setup`; those with a
        default may be missing. The type of the result is its annotation or `output`;
        without both, the function is called for the first row here. `settings` say where
        the function runs and what happens when it raises.

        Args:
            func: A function or `Mapper`, if `output` names the columns.
            params: The columns to pass, in order, instead of those that parameters name.
            output: A type; a name or names; or a dict of names to types.
            signal_map: Functions by the names of their columns. Several may use each
                other's results.

        Raises:
            UdfSignatureError: What the function gives cannot be told or stored.
            SignalResolvingError: A column does not exist or has another type.
            DataChainColumnError: There is a column of the result's name.

        Examples:
            >>> import lakebed as dc
            >>> def area(width: int, height: int) -> int:
            ...     return width * height
            >>> dc.read_values(width=[2, 3], height=[4, 5]).map(area=area).to_values("area")
            [8, 15]
        """
        stages = self._stages()
        return self._staged(stages, stages.map(Call(func, params, output, signal_map)))

    def gen(
        self,
        func: Callable[..., Any] | AbstractUDF | None = None,
        params: str | Sequence[str] | None = None,
        output: Any = None,
        *,
        keep: Keep = None,
        **signal_map: Any,
    ) -> DataChain:
        """Make rows of rows: a function yields any number of results for each.

        Takes functions as `map` does, but one: it yields its results or returns them in
        a list, annotated `Iterator[T]` or `list[T]`; None stands for no result. Other
        columns are dropped unless kept.

        What is yielded is handed on while the function runs: it may have any number of
        results, and before a `limit` no end. Those of a call stay together in memory with
        `on_error`, `timeout`, `retries`, `parallel` or `concurrency`, and when it is async.

        Args:
            func: A function or `Generator`, if `output` names the columns.
            params: The columns to pass, in order, instead of those that parameters name.
            output: The type of one result; a name or names; or a dict of names to types.
            keep: Columns to repeat beside the results: names, or True for all.
            signal_map: The function by the name of its column.

        Raises:
            UdfSignatureError: What the function gives cannot be told or stored.
            SignalResolvingError: A column does not exist or has another type.
            DataChainColumnError: A column is both kept and made.

        Examples:
            >>> import lakebed as dc
            >>> chain = dc.read_values(id=[1, 2], text=["a b", "c"])
            >>> chain.gen(word=lambda text: text.split(), keep="id").to_list()
            [(1, 'a'), (1, 'b'), (2, 'c')]
        """
        stages = self._stages()
        return self._staged(stages, stages.gen(Call(func, params, output, signal_map), keep))

    def agg(
        self,
        func: Callable[..., Any] | AbstractUDF | None = None,
        /,
        partition_by: str | Expr | Sequence[str | Expr] | None = None,
        params: str | Sequence[str] | None = None,
        output: Any = None,
        *,
        keep: Keep = None,
        **signal_map: Any,
    ) -> DataChain:
        """Make rows of groups: each parameter of the function is the list of its values.

        Parameters are annotated `list[T]`, if at all. The results are as in `gen`. Groups
        come in the order of their keys, and the values of a group in the order of rows.

        Args:
            func: A function or `Aggregator`, if `output` names the columns.
            partition_by: What rows of a group have in common: names, fields, models (all
                of their fields) or expressions; None: one group.
            params: The columns to pass, in order, instead of those that parameters name.
            output: The type of one result; a name or names; or a dict of names to types.
            keep: Columns of the group's first row to stand beside the results: names, or
                True for the keys.
            signal_map: The function by the name of its column.

        Raises:
            UdfSignatureError: What the function gives cannot be told or stored.
            SignalResolvingError: A column does not exist or has another type, or a
                parameter is not annotated as a list.
            DataChainColumnError: A column is both kept and made.

        Examples:
            >>> import lakebed as dc
            >>> chain = dc.read_values(kind=["a", "b", "a"], x=[1, 2, 3])
            >>> chain.agg(xs=lambda x: [str(x)], partition_by="kind", keep=True).to_list()
            [('a', '[1, 3]'), ('b', '[2]')]
        """
        stages, call_ = self._stages(), Call(func, params, output, signal_map)
        return self._staged(stages, stages.agg(call_, partition_by, keep))

    def map_batches(
        self,
        func: Callable[..., Any] | None = None,
        *,
        output: Any = None,
        params: str | Sequence[str] | None = None,
        batch_rows: int | None = None,
        **signal: Any,
    ) -> DataChain:
        """Add columns computed by a function of whole columns, many rows a call.

        Annotations of parameters say what they get: `pa.Array`, `np.ndarray`, `pd.Series`
        or `list`; without one NumPy if it is installed, else a list. The function returns
        a column of as many values, or several as a tuple, dict or frame. Unless `output`
        has its type, the function is called for some first rows here, and again for them
        when the chain runs.

        Args:
            func: The function, if `output` names the columns.
            output: A type; a name or names; or a dict of names to types.
            params: The columns to pass, in order, instead of those that parameters name.
            batch_rows: Rows of a call; as many as suit by default.
            signal: The function by the name of its column.

        Raises:
            UdfSignatureError: What the function gives cannot be told or stored.
            SignalResolvingError: A column does not exist.

        Examples:
            >>> import lakebed as dc
            >>> def double(x: list[int]) -> list[int]:
            ...     return [2 * value for value in x]
            >>> dc.read_values(x=[1, 2]).map_batches(y=double).to_values("y")
            [2, 4]
        """
        stages, call_ = self._stages(), Call(func, params, output, signal)
        return self._staged(stages, stages.map_batches(call_, batch_rows))

    def explode(
        self,
        col: str | Column,
        model_name: str | None = None,
        column: str | None = None,
        schema_sample_size: int = 1,
    ) -> DataChain:
        """Add a column with the keys of JSON text or of dicts as its typed fields.

        Args:
            col: The column that holds them.
            model_name: The name of the model that is made; by default the new column's.
            column: The name of the new column; `{col}_expl` by default.
            schema_sample_size: First rows, read here, that tell the keys and their types.

        Raises:
            SignalResolvingTypeError: A value is no dict, also in its JSON.
            UdfError: A later row has another key; raised when the chain runs.

        Examples:
            >>> import lakebed as dc
            >>> chain = dc.read_values(meta=['{"w": 1}', '{"w": 2}']).explode("meta")
            >>> chain.to_values("meta_expl.w")
            [1, 2]
        """
        from lakebed._udf.explode import explode_call

        call_ = explode_call(self._native, col, model_name, column, schema_sample_size)
        stages = self._stages()
        return self._staged(stages, stages.map(call_))

    def errors(self) -> DataChain:
        """The rows that failed, with `on_error` "record" or "null", as a chain.

        Runs the chain unless its results are kept; after `save`, asks for the failures of
        what was saved. Columns: `stage`, `row` (its number in the stage's input),
        `arguments`, `error` (the exception's type), `message`, `traceback`, `attempts`
        (the calls that were begun for the row). Each of the `retries` is an attempt. Beyond
        them the row of a worker that died is tried again in a new one, to find out which
        row it was, and rows of a failed call of `map_batches` in calls with fewer rows.

        Examples:
            >>> import lakebed as dc
            >>> chain = dc.read_values(x=[1, 0]).settings(on_error="record")
            >>> failed = chain.map(inverse=lambda x: 1 / x).errors()
            >>> failed.to_list("row", "error", "message")
            [(1, 'ZeroDivisionError', 'division by zero')]
        """
        from lakebed._udf.errors import failed_rows

        native = self._computed or self._native
        failed = failed_rows(native, self._session._native, self._silent)
        return DataChain(failed, self._session)

    def group_by(
        self,
        *args: Any,
        partition_by: str | Expr | Sequence[str | Expr] | None = None,
        **aggregates: Aggregate,
    ) -> DataChain:
        """One row for each group, with its keys and aggregates.

        Args:
            args: Aggregates that have a label.
            partition_by: What rows of a group have in common; None: one group.
                Expressions are named by `.label()`, else `gr_0`, `gr_1` and so on.
            aggregates: `func.count()`, `func.sum("x")` and the like, by name.

        Examples:
            >>> import lakebed as dc
            >>> chain = dc.read_values(kind=["a", "b", "a"], x=[1, 2, 3])
            >>> groups = chain.group_by(total=dc.func.sum("x"), partition_by="kind")
            >>> groups.order_by("kind").to_list()
            [('a', 4), ('b', 2)]
        """
        for aggregate in args:
            if not isinstance(aggregate, Aggregate):
                msg = f"group_by takes aggregates by name, not `{aggregate!r}`"
                raise DataChainParamsError(msg)
            if not aggregate.name:
                hint = "hint: group_by(name=expr)"
                msg = f"group_by() cannot infer a name for `{aggregate!r}`; {hint}"
                raise DataChainParamsError(msg)
            aggregates[aggregate.name] = aggregate
        keys = _group_keys(partition_by, self.schema)
        made = [_aggregate(name, value) for name, value in aggregates.items()]
        if not made:
            msg = "group_by takes at least one aggregate; hint: group_by(n=func.count())"
            raise DataChainParamsError(msg)
        for name, _ in keys:
            if name in aggregates:
                msg = f"key `{name}` of group_by conflicts with aggregation `{name}`: label the key"
                raise DataChainColumnError(msg)
        return self._with(self._native.group_by([(n, k._native) for n, k in keys], made))

    # Results

    def count(self) -> int:
        """The number of rows."""
        with progress() as report:
            return self._native.count(report)

    def sum(self, col: str | Expr) -> Any:
        """The sum of a column; None without values."""
        return self._total(sum_of(col))

    def avg(self, col: str | Expr) -> Any:
        """The mean of a column; None without values."""
        return self._total(avg_of(col))

    def min(self, col: str | Expr) -> Any:
        """The smallest value of a column; None without values."""
        return self._total(min_of(col))

    def max(self, col: str | Expr) -> Any:
        """The largest value of a column; None without values."""
        return self._total(max_of(col))

    def to_iter(self, *cols: str | Column) -> Iterator[tuple[Any, ...]]:
        """Rows as tuples, read while iterating: of all columns or the given ones.

        A field as `file.path` gives its value.
        """
        return _export.rows(self._native, _columns.paths_of(cols, "to_iter"))

    def to_list(self, *cols: str | Column) -> list[tuple[Any, ...]]:
        """All rows as tuples; takes what `to_iter` takes."""
        return list(_export.rows(self._native, _columns.paths_of(cols, "to_list")))

    def to_values(self, col: str | Column) -> list[Any]:
        """All values of one column or field."""
        paths = _columns.paths_of([col], "to_values")
        return [value for (value,) in _export.rows(self._native, paths)]

    def to_records(self) -> list[dict[str, Any]]:
        """All rows as flat dicts, with keys such as `file__path`."""
        return _export.records(self._native)

    def to_arrow(self) -> pa.Table:
        """All rows as a PyArrow table; models are structs."""
        return _export.arrow(self._native)

    def to_pandas(
        self,
        flatten: bool = False,  # noqa: FBT001, FBT002
        include_hidden: bool = True,  # noqa: FBT001, FBT002
    ) -> pd.DataFrame:
        """All rows as a pandas frame with one column for each leaf field.

        Args:
            flatten: Dotted names instead of several header levels.
            include_hidden: Also the fields that models hide.
        """
        return _export.pandas(self._native, flatten=flatten, include_hidden=include_hidden)

    def to_polars(self) -> pl.DataFrame:
        """All rows as a Polars frame; models are structs."""
        frame: pl.DataFrame = _export.polars(self._native)
        return frame

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The rows as an Arrow stream, for every library that takes one."""
        return self._native.__arrow_c_stream__(requested_schema)

    def show(
        self,
        limit: int = 20,
        flatten: bool = False,  # noqa: FBT001, FBT002
        transpose: bool = False,  # noqa: FBT001, FBT002
        truncate: bool = True,  # noqa: FBT001, FBT002
        include_hidden: bool = False,  # noqa: FBT001, FBT002
    ) -> None:
        """Print the first rows as a table.

        Args:
            limit: How many rows; 0 for all.
            flatten: One header line of dotted names instead of one for each level.
            transpose: Columns as lines.
            truncate: Cut long values and many rows.
            include_hidden: Also the fields that models hide.
        """
        from lakebed._show import render

        chain = self.limit(limit) if whole("limit", limit) else self
        text = render(
            _columns.resolved(chain._native),
            chain.to_list(),
            flatten=flatten,
            transpose=transpose,
            truncate=truncate,
            include_hidden=include_hidden,
            limit_note=limit or None,
        )
        print(text)  # noqa: T201  what it is for

    # Keeping

    def save(
        self,
        name: str,
        version: str | int | None = None,
        description: str | None = None,
        attrs: Sequence[str] | None = None,
        update_version: str = "patch",
        **others: Any,
    ) -> DataChain:
        """Compute all rows and keep them as a new version of a dataset.

        The version is visible once it is complete, never before.

        Args:
            name: `name`, `project.name` or `namespace.project.name`.
            version: Its number, higher than the latest; the next one by default. A whole
                number as 2 means 2.0.0.
            description: What the dataset is.
            attrs: Labels of the dataset, as `stage=test`.
            update_version: Which part of the number grows: patch, minor or major.
            others: Refused: there are no other options.

        Returns:
            A chain over the saved version; `name` and `version` say which.
        """
        if others:
            msg = f"save has no option `{next(iter(others))}`"
            raise DataChainParamsError(msg)
        if self._settings.ephemeral:
            msg = f"an ephemeral chain keeps nothing, and cannot be saved as `{name}`"
            raise EphemeralError(msg)
        if update_version not in _BUMPS:
            msg = f"update_version is {', '.join(_BUMPS)}, not `{update_version}`"
            raise DataChainParamsError(msg)
        if isinstance(attrs, str):
            msg = f"attrs takes a list of labels, not `{attrs!r}`"
            raise DataChainParamsError(msg)
        with progress() as report:
            native, full, made = self._native.save(
                name,
                self._settings.namespace,
                self._settings.project,
                version_number(version),
                update_version,
                self._session._job_id(),
                description,
                None if attrs is None else list(attrs),
                report,
            )
        return self._saved(native, (full, made))

    def persist(self) -> DataChain:
        """Compute all rows and keep them until the session ends."""
        name, job = self._session._temporary_name(), self._session._job_id()
        with progress() as report:
            native = self._native.persist(self._session.name, name, job, report)
        return self._saved(native, None)

    def exec(self) -> DataChain:
        """Compute all rows, for what the functions do, and keep nothing."""
        with progress() as report:
            for _ in self._native.rows(
                [spec for _, spec in _columns.resolved(self._native)], report
            ):
                pass
        return self

    # Inside

    def _stages(self) -> Stages:
        """What adds functions to the plan."""
        return Stages(self._native, self._setup, self._settings, self._session.root)

    def _staged(self, stages: Stages, native: _Native) -> DataChain:
        """The chain with the functions; `errors` does not tell of those that skip."""
        chain = self._with(native)
        if self._settings.on_error == "skip":
            chain._silent |= set(stages.names)
        return chain

    def _with(self, native: _Native) -> DataChain:
        """A chain with another plan that is no longer a dataset version."""
        chain = DataChain(native, self._session, self._settings)
        chain._setup = self._setup
        chain._silent = self._silent
        return chain

    def _saved(self, native: _Native, saved: tuple[str, str] | None) -> DataChain:
        """A chain that reads what was saved."""
        if self._settings.sys:
            native = native.with_sys(True)  # noqa: FBT003
        chain = DataChain(native, self._session, self._settings, saved)
        chain._setup = self._setup
        chain._silent = self._silent
        chain._computed = self._native
        return chain

    def _configured(self, settings: Settings) -> DataChain:
        native = self._native
        if bool(settings.sys) != bool(self._settings.sys):
            native = native.with_sys(bool(settings.sys))
        same = None if self._name is None or self._version is None else (self._name, self._version)
        chain = DataChain(native, self._session, settings, same)
        chain._setup = self._setup
        chain._silent = self._silent
        chain._computed = self._computed
        return chain

    def _total(self, aggregate: Aggregate) -> Any:
        return self.group_by(total=aggregate).to_values("total")[0]


Chain = DataChain


# Arguments


def chain_of(
    native: _Native,
    session: Session,
    settings: Mapping[str, Any] | None = None,
    saved: tuple[str, str] | None = None,
) -> DataChain:
    """What a reader returns, with the settings that it was given."""
    chain = DataChain(native, session, None, saved)
    return chain.settings(**settings) if settings else chain


def _key(key: object, verb: str) -> Expr:
    if isinstance(key, str):
        return Column(key)
    if isinstance(key, Expr):
        return key
    msg = f"{verb} takes names and expressions, not `{key!r}`"
    raise SignalResolvingTypeError(msg)


def _copied(value: Any) -> Any:
    """A plain column as a computed one, which does not rename."""
    return call("coalesce", value) if isinstance(value, Column) else value


def _group_keys(
    given: str | Expr | Sequence[str | Expr] | None, columns: Schema
) -> list[tuple[str, Expr]]:
    """Keys and their names, unnamed expressions counted."""
    one = isinstance(given, (str, Expr))
    listed: Any = [given] if one else [] if given is None else list(given)  # type: ignore[arg-type]
    unnamed = free_names(columns)
    keys = []
    for key in listed:
        expr = _key(key, "partition_by")
        plain = expr._path if isinstance(expr, Column) else None
        keys.append((expr._label or plain or next(unnamed), expr))
    return keys


def _aggregate(name: str, value: Any) -> tuple[str, str, Any]:
    if not isinstance(value, Aggregate):
        msg = f"`{name}` of group_by takes an aggregate such as func.count(), not `{value!r}`"
        raise DataChainColumnError(msg)
    argument = None if value.argument is None else value.argument._native
    return name, value.function, argument
