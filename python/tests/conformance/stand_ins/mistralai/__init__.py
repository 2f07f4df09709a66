"""A service that always answers the same."""

from __future__ import annotations

from typing import Any

from mistralai.models import ChatCompletionResponse, Choice, Message, Usage


class Chat:
    def complete(self, model: str, messages: list[dict[str, Any]]) -> ChatCompletionResponse:
        assert messages
        choices = [Choice(message=Message())]
        return ChatCompletionResponse(model=model, usage=Usage(), choices=choices)

    __call__ = complete


class Mistral:
    def __init__(self, api_key: str = "") -> None:
        self.api_key = api_key
        self.chat = Chat()
