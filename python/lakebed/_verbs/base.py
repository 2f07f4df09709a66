"""`Base`: what every family of verbs has of a chain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from lakebed._schema import Schema
from lakebed._settings import Settings

if TYPE_CHECKING:
    from lakebed._native import Chain
    from lakebed._udf.once import Once
    from lakebed.session import Session


class Base:
    """A native chain with what verbs need beside it; it does not change."""

    __slots__ = (
        "_computed",
        "_name",
        "_native",
        "_session",
        "_settings",
        "_setup",
        "_silent",
        "_specs",
        "_version",
    )

    def __init__(
        self,
        native: Chain,
        session: Session,
        settings: Settings | None = None,
        saved: tuple[str, str] | None = None,
    ) -> None:
        self._native = native
        self._session = session
        self._settings = settings or Settings()
        self._setup: dict[str, Once] = {}
        self._computed: Chain | None = None
        self._silent: frozenset[str] = frozenset()
        self._specs: tuple[dict[str, Any], ...] = ()
        self._name = saved[0].rpartition(".")[2] if saved else None
        self._version = saved[1] if saved else None

    @property
    def schema(self) -> Schema:
        """The columns and their types; prints as a tree."""
        return Schema(self._native.schema())

    def _with(
        self,
        native: Chain,
        settings: Settings | None = None,
        saved: tuple[str, str] | None = None,
        computed: Chain | None = None,
    ) -> Self:
        """A chain with another plan, which is no dataset version unless it was `saved`.

        Args:
            native: The plan.
            settings: Others than this chain's.
            saved: Name and version of the dataset that the plan reads.
            computed: The plan that `errors` asks what failed, if it is not this one.
        """
        chain = type(self)(native, self._session, settings or self._settings, saved)
        chain._setup = self._setup
        chain._silent = self._silent
        chain._specs = self._specs
        chain._computed = computed
        return chain
