"""A service that always answers the same."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any


class OpenAIError(Exception):
    pass


class OpenAI:
    def __init__(self, api_key: str, timeout: float) -> None:
        self.api_key, self.timeout = api_key, timeout
        self.chat = SimpleNamespace(completions=SimpleNamespace(create=_answer))


def _answer(**_asked: Any) -> Any:
    message = SimpleNamespace(content="a cat")
    return SimpleNamespace(choices=[SimpleNamespace(message=message)])
