"""`delta=True`: saved again, a chain computes only what changed in its source since."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lakebed.exceptions import DataChainParamsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lakebed._native import Chain

PEER_KEY = ("file.path", "file.etag", "file.version")
"""The peer's default for `delta_on`; written out, it asks for ours."""

_DELETED = ("keep", "drop")
_CODE = ("warn", "ignore", "rebuild")


@dataclass(frozen=True)
class Delta:
    """The arguments of readers that are about updates."""

    delta: bool
    on: str | Sequence[str] | None
    result_on: str | Sequence[str] | None
    compare: str | Sequence[str] | None
    retry: bool | str | None
    unsafe: bool
    deleted: str | None
    code: str

    def applied(self, source: Chain) -> Chain:
        """The source, of which only changes are computed, if that was asked for."""
        _one_of("delta_deleted", self.deleted, (None, *_DELETED))
        _one_of("delta_code", self.code, _CODE)
        if not self.delta:
            return source
        on = _paths("delta_on", self.on)
        return source.delta(
            [] if tuple(on) == PEER_KEY else on,
            _paths("delta_result_on", self.result_on),
            None if self.compare is None else _paths("delta_compare", self.compare),
            self.retry if isinstance(self.retry, str) else bool(self.retry),
            self.unsafe,
            self.deleted,
            self.code,
        )


def _paths(name: str, given: str | Sequence[str] | None) -> list[str]:
    listed = [given] if isinstance(given, str) else list(given or ())
    for path in listed:
        if not isinstance(path, str) or not path:
            msg = f"{name} takes names of columns or fields, as `file.path`, not `{path!r}`"
            raise DataChainParamsError(msg)
    return listed


def _one_of(name: str, given: Any, known: Sequence[str | None]) -> None:
    if given not in known:
        names = ", ".join(f'"{one}"' for one in known if one)
        msg = f"{name} is one of {names}, not `{given!r}`"
        raise DataChainParamsError(msg)
