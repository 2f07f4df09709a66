"""Pipelines that always find the same."""

from __future__ import annotations

from typing import Any

_FOUND = {"label": "POSITIVE", "score": 0.9, "generated_text": "a cat"}


class Pipeline:
    def __init__(self, task: str) -> None:
        self.task = task

    def __call__(self, _value: Any, **_options: Any) -> Any:
        return {"text": "meow"} if self.task == "automatic-speech-recognition" else [_FOUND]


def pipeline(task: str = "", *_names: str, **_options: Any) -> Pipeline:
    return Pipeline(task)


class Inputs(dict[str, Any]):
    def to(self, *_where: str) -> Inputs:
        return self


class AutoProcessor:
    @classmethod
    def from_pretrained(cls, _name: str) -> AutoProcessor:
        return cls()

    def __call__(self, **inputs: Any) -> Inputs:
        return Inputs(inputs)

    def batch_decode(self, found: list[str], **_options: Any) -> list[str]:
        return found


class LlavaForConditionalGeneration:
    @classmethod
    def from_pretrained(cls, _name: str, **_options: Any) -> LlavaForConditionalGeneration:
        return cls()

    def to(self, _where: str) -> LlavaForConditionalGeneration:
        return self

    def generate(self, text: str, **_inputs: Any) -> list[str]:
        return [f"{text} a cat"]
