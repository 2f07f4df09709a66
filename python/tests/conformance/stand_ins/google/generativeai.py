"""A service that always answers the same."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any


class GenerativeModel:
    def __init__(self, name: str) -> None:
        self.name = name

    def generate_content(self, _text: str) -> Any:
        return SimpleNamespace(text="a letter")
