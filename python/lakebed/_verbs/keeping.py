"""Verbs that compute rows and keep them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from lakebed import _columns
from lakebed._coerce import version_number
from lakebed._progress import progress
from lakebed._udf import reuse
from lakebed._verbs.base import Base
from lakebed.exceptions import DataChainParamsError, EphemeralError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lakebed._native import Chain
    from lakebed.distributed import Stage

_BUMPS = ("patch", "minor", "major")


class Keeping(Base):
    """Versions of datasets, and what stays until the session ends."""

    __slots__ = ()

    def save(
        self,
        name: str,
        version: str | int | None = None,
        description: str | None = None,
        attrs: Sequence[str] | None = None,
        update_version: str = "patch",
        **others: Any,
    ) -> Self:
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
            msg = f"Cannot save datasets in ephemeral mode: the chain cannot be saved as `{name}`"
            raise EphemeralError(msg)
        if update_version not in _BUMPS:
            msg = f"update_version is {', '.join(_BUMPS)}, not `{update_version}`"
            raise DataChainParamsError(msg)
        if isinstance(attrs, str):
            msg = f"attrs takes a list of labels, not `{attrs!r}`"
            raise DataChainParamsError(msg)
        with progress() as report:
            native, full, made, computed = self._native.save(
                name,
                self._settings.namespace,
                self._settings.project,
                version_number(version),
                update_version,
                self._session._job_id(),
                description,
                None if attrs is None else list(attrs),
                self._settings.vectors is not False,
                report,
            )
        reuse.link(self._session._records, full, self._specs)
        chain = self._kept(native, (full, made), computed)
        chain._specs = ()
        return chain

    def persist(self) -> Self:
        """Compute all rows and keep them until the session ends."""
        name, job = self._session._temporary_name(), self._session._job_id()
        with progress() as report:
            vectors = self._settings.vectors is not False
            native = self._native.persist(self._session.name, name, job, vectors, report)
        return self._kept(native)

    def stages(self, unit_rows: int | None = None) -> Iterator[Stage]:
        """The functions of the chain as data, one after the other, for other processes.

        Each stage comes with the rows that its function has to be called for: those whose
        results are not kept. Have its units run with `lakebed.run_unit`, then ask for the next
        stage; its input is computed here, from results that are kept. At the end `save` finds
        all results. What a unit is given is written to the root, and removed when the next
        stage is asked for. Functions whose results cannot be kept are left to `save`.

        Args:
            unit_rows: How many rows a unit has; by default the setting `batch_size`.

        Raises:
            NotSupportedError: A chain with `delta=True`, or a session in memory.
            UdfError: Something that a function uses cannot be copied.

        Examples:
            >>> import lakebed as dc
            >>> chain = dc.read_values(name=["cat", "dog"]).map(size=len, params=["name"])
            >>> for stage in chain.stages(unit_rows=1):
            ...     print(stage.name, [dc.run_unit(unit).rows for unit in stage.units])
            len [1, 1]
        """
        from lakebed.distributed import stages

        return stages(self._native, self._session, unit_rows)

    def exec(self) -> Self:
        """Compute all rows, for what the functions do, and keep nothing."""
        with progress() as report:
            for _ in self._native.rows(
                [spec for _, spec in _columns.resolved(self._native)], report
            ):
                pass
        return self

    def _kept(
        self,
        native: Chain,
        saved: tuple[str, str] | None = None,
        computed: Chain | None = None,
    ) -> Self:
        """A chain that reads what was computed: all of this one, or only a part of it."""
        if self._settings.sys:
            native = native.with_sys(True)  # noqa: FBT003
        return self._with(native, saved=saved, computed=computed or self._native)
