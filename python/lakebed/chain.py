"""`DataChain`: what to do with columns of typed values, done when the result is asked for.

A verb checks its arguments, adds a step to the plan and returns a new chain; it reads
nothing. `save`, `show`, `count`, `to_...` and iterating run the plan. The verbs are in
`_verbs/`, one class for each family; here is what a chain is and how it works.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Literal, Self

from lakebed._columns import existing, path_of, resolved
from lakebed._progress import progress
from lakebed._schema import SignalSchema
from lakebed._settings import Settings
from lakebed._udf.once import Once
from lakebed._verbs.chance import Chance
from lakebed._verbs.databases import Databases
from lakebed._verbs.differences import Differences
from lakebed._verbs.exporting import Exporting
from lakebed._verbs.functions import Functions
from lakebed._verbs.groups import Groups
from lakebed._verbs.origins import Origins
from lakebed._verbs.results import Results
from lakebed._verbs.rows import Rows
from lakebed._verbs.storing import Storing
from lakebed._verbs.tables import Tables
from lakebed._verbs.training import Training
from lakebed.exceptions import DatasetPrepareError, EphemeralError
from lakebed.expr import Column

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import IO

    from lakebed._job import Job
    from lakebed._native import Chain as _Native
    from lakebed.catalog import DatasetRecord
    from lakebed.session import Session


class DataChain(
    Rows,
    Functions,
    Groups,
    Differences,
    Results,
    Exporting,
    Chance,
    Storing,
    Tables,
    Databases,
    Training,
    Origins,
):
    """Rows with typed columns, made by `read_...` functions and changed by verbs.

    Chains do not change: every verb returns a new one.

    Examples:
        >>> import lakebed as dc
        >>> chain = dc.read_values(name=["cat", "dog"], size=[3, 5])
        >>> chain.filter(dc.C("size") > 4).to_list()
        [('dog', 5)]
    """

    __slots__ = ()

    # What it is

    def column(self, name: str) -> Column:
        """The column or field of this name, as `C(name)`; it has to exist.

        Raises:
            SignalResolvingError: There is none.
        """
        existing(resolved(self._native), name)
        return Column(name)

    def c(self, name: str | Column) -> Column:
        """The column of this name, which has to exist; for expressions over two chains.

        Raises:
            SignalResolvingError: There is none.
        """
        return self.column(path_of(name, "c"))

    @property
    def signals_schema(self) -> SignalSchema:
        """The columns as users of the peer read them: `signals_schema.values` is a dict."""
        return SignalSchema(self.schema)

    @property
    def name(self) -> str | None:
        """The dataset's name while the chain is exactly a version of it."""
        return self._name

    @property
    def version(self) -> str | None:
        """The dataset's version while the chain is exactly that version."""
        return self._version

    @property
    def dataset(self) -> DatasetRecord | None:
        """What the catalog knows of the version while the chain is exactly one."""
        from lakebed.catalog import known_version

        return known_version(self._session, self._native.dataset)

    @property
    def namespace_name(self) -> str:
        """Where `save` puts names without a namespace."""
        return self._settings.namespace or self._session._native.default_folder()[0]

    @property
    def project_name(self) -> str:
        """Where `save` puts names without a project."""
        return self._settings.project or self._session._native.default_folder()[1]

    @property
    def job(self) -> Job:
        """The run of the script that what is saved belongs to; started if it was not yet.

        Raises:
            EphemeralError: The chain keeps nothing, so that there is none.
        """
        if self._settings.ephemeral:
            msg = "Cannot access job in ephemeral mode: the chain keeps nothing and has none"
            raise EphemeralError(msg)
        return self._session._started_job()

    @property
    def session(self) -> Session:
        """Where the chain reads and saves."""
        return self._session

    @property
    def empty(self) -> bool:
        """Whether there is no row; computes one."""
        return self.limit(1).count() == 0

    def print_schema(self, file: IO[str] | None = None) -> None:
        """Deprecated, here as in the peer: `print(chain.schema, file=file)` does the same."""
        hint = "print_schema() is deprecated; hint: print(chain.schema)"
        warnings.warn(hint, DeprecationWarning, stacklevel=2)
        print(self.schema, file=file)

    def explain(
        self, *, analyze: bool = False, save_as: str | None = None, reuse: bool = False
    ) -> str:
        """The plan as text: which steps run, in which order.

        Args:
            analyze: Run the chain, and tell rows and times of each step.
            save_as: Tell instead what `save` under this name would compute, of a chain whose
                sources are read with `delta=True`: how many rows are new, changed, gone and kept.
            reuse: Tell instead of each function whether its kept results would be used again, and
                if not, what changed: code, values, files, variables of the environment, datasets.
        """
        if reuse:
            from lakebed._udf.reuse import explained

            return explained(self._specs)
        if save_as is not None:
            return self._native.explain_update(
                save_as, self._settings.namespace, self._settings.project
            )
        if not analyze:
            return self._native.explain()
        with progress() as report:
            return self._native.analyze(report)

    def __repr__(self) -> str:
        return str(self.schema) or "Empty DataChain"

    def clone(self) -> Self:
        """The same chain once more; chains do not change, so that this is seldom needed."""
        return self._configured(self._settings)

    def apply(self, func: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """What a function of the chain returns, so that steps of one's own can be verbs.

        Examples:
            >>> import lakebed as dc
            >>> def largest(chain, name):
            ...     return chain.order_by(name, descending=True).limit(1)
            >>> dc.read_values(x=[1, 3, 2]).apply(largest, "x").to_values("x")
            [3]
        """
        return func(self, *args, **kwargs)

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
        vectors: bool | None = None,
        concurrency: int | None = None,
        batch_rows: int | None = None,
        on_error: Literal["raise", "skip", "null", "record"] | None = None,
        max_errors: int | None = None,
        timeout: float | None = None,
        retries: int | None = None,
        retry_on: type[BaseException] | Sequence[type[BaseException]] | None = None,
        retry_wait: float | None = None,
        memory: int | str | None = None,
        distinct: bool | None = None,
        by_content: bool | None = None,
        verify: int | None = None,
        version: str | int | None = None,
        deps: Sequence[Any] | None = None,
        ignore: Sequence[str] | None = None,
        **others: Any,
    ) -> Self:
        """Change how the verbs that follow work; None leaves a setting as it is.

        No setting changes a result, but `on_error`, and with it what makes a row fail:
        `timeout`, `memory`, `retries` and `retry_on`. Of functions that are not pure,
        `distinct` does too.

        Args:
            cache: Keep the files of buckets that functions are given, for later runs; local
                files are read where they are.
            prefetch: How many files of buckets to download at once, ahead of the rows that
                read them; 0 for none. By default as many as it takes, if the function
                opens the files of its first rows.
            parallel: Worker processes for functions; True and -1 mean all cores, False
                and None this process. Workers start once and stay for later verbs.
            namespace: Where `save` puts names without one.
            project: The same for the project.
            batch_size: Rows after which results of a function are safe from a crash, at
                the latest; 10 000 by default.
            sys: Show the column `sys` with `id` and `rand`.
            ephemeral: Keep nothing: no results of unfinished runs, and no `save`.
            vectors: Store lists of floats whose first rows have one length as vectors of that
                length, ready for vector search; a row of another is an error then. On by
                default; off stores lists.
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
            distinct: Call functions once for rows with equal arguments, in this run and later
                ones: these rows get the same results. Else as many rows are as many calls.
                Needs results that are kept.
            by_content: Of parameters that are files, or hold some in fields and lists, kept
                results are found by the bytes of the files, so that a renamed, touched or copied
                one is not computed again; copies in one run are with `distinct=True`. Each file
                is read once for that. What a function makes of names and times does not count
                then. Files in dicts count as they are listed.
            verify: Compute so many of the results that were kept all the same, chosen at random in
                each run; a `UdfError`, which is a `ValueError`, before anything is saved if one
                differs.
            version: Of the functions: their kept results are used again as long as it, their
                names and their types are the same, whatever their code is and reads.
            deps: What else decides results of the functions: files and folders, which count by
                what they hold, as paths or text; modules; and values.
            ignore: Names of globals, closure values and attributes that do not.
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
            vectors=vectors,
            concurrency=concurrency,
            batch_rows=batch_rows,
            on_error=on_error,
            max_errors=max_errors,
            timeout=timeout,
            retries=retries,
            retry_on=retry_on,
            retry_wait=retry_wait,
            memory=memory,
            distinct=distinct,
            by_content=by_content,
            verify=verify,
            version=version,
            deps=deps,
            ignore=ignore,
            **others,
        )
        return self._configured(changed)

    def reset_settings(self, settings: Mapping[str, Any] | None = None) -> Self:
        """All settings as they are by default, but those that are given.

        Args:
            settings: As for `settings()`.
        """
        return self._configured(Settings().updated(**(settings or {})))

    def setup(self, **values: Callable[[], Any]) -> Self:
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

    def _configured(self, settings: Settings) -> Self:
        native = self._native
        if bool(settings.sys) != bool(self._settings.sys):
            native = native.with_sys(bool(settings.sys))
        same = None if self._name is None or self._version is None else (self._name, self._version)
        return self._with(native, settings, same, self._computed)


Chain = DataChain


def chain_of(
    native: _Native,
    session: Session,
    settings: Mapping[str, Any] | None = None,
    saved: tuple[str, str] | None = None,
) -> DataChain:
    """What a reader returns, with the settings that it was given."""
    chain = DataChain(native, session, None, saved)
    return chain.settings(**settings) if settings else chain
