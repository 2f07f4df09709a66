"""Shell patterns, as `*.jpg`, in the words of conditions on text."""

from __future__ import annotations

import re

_LIKE = str.maketrans({"*": "%", "?": "_", "%": r"\%", "_": r"\_", "\\": r"\\"})


def like_of(pattern: str) -> str | None:
    """The pattern as one of `like`; None if that cannot say it.

    `like` finds its ends and parts of text several times faster than a regular expression does.
    """
    return None if "[" in pattern else pattern.translate(_LIKE)


def regexp_of(pattern: str) -> str:
    """A shell pattern as a regular expression over the whole text."""
    parts, at = [], 0
    while at < len(pattern):
        char = pattern[at]
        end = pattern.find("]", at + 2) if char == "[" else -1
        if end > 0:
            body = pattern[at + 1 : end].replace("\\", r"\\").replace("[", r"\[")
            parts.append(f"[^{body[1:]}]" if body[0] in "!^" else f"[{body}]")
            at = end
        else:
            parts.append({"*": ".*", "?": "."}.get(char) or re.escape(char))
        at += 1
    return f"(?s)^{''.join(parts)}$"
