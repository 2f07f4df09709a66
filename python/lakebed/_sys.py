"""`Sys`: the columns that `settings(sys=True)` shows."""

from __future__ import annotations

from lakebed.models import DataModel


class Sys(DataModel):
    """A row's number within its dataset and a random number that stays with it."""

    id: int
    rand: int
