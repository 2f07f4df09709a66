"""What the service answers."""

from __future__ import annotations

from pydantic import BaseModel


class Usage(BaseModel):
    prompt_tokens: int = 5
    completion_tokens: int = 7
    total_tokens: int = 12


class Message(BaseModel):
    content: str = "Success: it went well"


class Choice(BaseModel):
    index: int = 0
    message: Message


class ChatCompletionResponse(BaseModel):
    id: str = "1"
    model: str
    usage: Usage
    choices: list[Choice]
