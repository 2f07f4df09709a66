"""Verbs that call Python functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from lakebed._udf.signature import UdfArguments
from lakebed._udf.stages import Keep, Stages
from lakebed._verbs.base import Base

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lakebed._native import Chain
    from lakebed.expr import Column, Expr
    from lakebed.udf import AbstractUDF


class Functions(Base):
    """What functions make of rows, groups or whole columns."""

    __slots__ = ()

    def map(
        self,
        func: Callable[..., Any] | AbstractUDF | None = None,
        params: str | Sequence[str] | None = None,
        output: Any = None,
        **signal_map: Any,
    ) -> Self:
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
        return self._staged(stages, stages.map(UdfArguments(func, params, output, signal_map)))

    def gen(
        self,
        func: Callable[..., Any] | AbstractUDF | None = None,
        params: str | Sequence[str] | None = None,
        output: Any = None,
        *,
        keep: Keep = None,
        **signal_map: Any,
    ) -> Self:
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
        return self._staged(
            stages, stages.gen(UdfArguments(func, params, output, signal_map), keep)
        )

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
    ) -> Self:
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
        stages, arguments = self._stages(), UdfArguments(func, params, output, signal_map)
        return self._staged(stages, stages.agg(arguments, partition_by, keep))

    def map_batches(
        self,
        func: Callable[..., Any] | None = None,
        *,
        output: Any = None,
        params: str | Sequence[str] | None = None,
        batch_rows: int | None = None,
        **signal: Any,
    ) -> Self:
        """Add columns computed by a function of whole columns, many rows a call.

        Annotations of parameters say what they get: `pa.Array`, `np.ndarray`, `pd.Series`
        or `list`; without one NumPy if it is installed, else a list. The function returns
        a column of as many values, or several as a tuple, dict or frame. Unless `output`
        has its type, the function is called for some first rows here, and again for them
        when the chain runs. Results are kept row by row: rows whose results are at hand are
        not in the columns that are passed, nor repeats of a row with `distinct=True`, so a
        result must follow from its own row.

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
        stages = self._stages(batch_rows=batch_rows)
        arguments = UdfArguments(func, params, output, signal)
        return self._staged(stages, stages.map_batches(arguments))

    def explode(
        self,
        col: str | Column,
        model_name: str | None = None,
        column: str | None = None,
        schema_sample_size: int = 1,
    ) -> Self:
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
        from lakebed._udf.explode import explode_arguments

        arguments = explode_arguments(self._native, col, model_name, column, schema_sample_size)
        stages = self._stages()
        return self._staged(stages, stages.map(arguments))

    def errors(self) -> Self:
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
        return type(self)(failed, self._session)

    # Inside

    def _stages(self, **settings: Any) -> Stages:
        """What adds functions to the plan."""
        chosen = self._settings.updated(**settings)
        return Stages(self._native, self._setup, chosen, self._session._records)

    def _staged(self, stages: Stages, native: Chain) -> Self:
        """The chain with the functions; `errors` does not tell of those that skip."""
        chain = self._with(native)
        chain._specs += tuple(stages.specs)
        if self._settings.on_error == "skip":
            chain._silent |= set(stages.names)
        return chain
