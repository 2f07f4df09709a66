"""The parts of a function's digest by name, so that it can be told which of them changed.

They are written down below the root when results of some code may be kept first.
"""

from __future__ import annotations

import json
import time
from hashlib import blake2b
from pathlib import Path
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple

from lakebed._fingerprint.bytecode import body_of
from lakebed._fingerprint.modules import Module, UnknowableError
from lakebed._fingerprint.objects import NoFingerprint
from lakebed._fingerprint.parts import class_parts
from lakebed._fingerprint.text import parsed
from lakebed._fingerprint.uses import add_code
from lakebed._fingerprint.walk import Walk
from lakebed._udf.notes import notes_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LETTERS = 16
"""Letters of a code's digest in the names of kept results."""


_written: set[tuple[str, str, str]] = set()
"""What this process wrote down: root, function and code."""


class Part(NamedTuple):
    """A part of a digest.

    Attributes:
        digest: What it was.
        file: Where it is, if that is known.
        line: The line in the file.
    """

    digest: str
    file: str = ""
    line: int = 0


def remember(root: str, spec: Mapping[str, Any], code: str, walk: Walk) -> None:
    """Write down the parts of a function's digest, unless they are."""
    notes, name = _notes(root, spec), f"{code[:LETTERS]}.json"
    known = root, _key(spec), name
    if known in _written or ("://" not in root and (_folder(root, spec) / name).exists()):
        return
    _written.add(known)
    parts = {label: tuple(part) for label, part in parts_of(spec, walk).items()}
    told = {"function": spec["name"], "reads": spec["reads"], "at": time.time(), "parts": parts}
    notes.put(name, json.dumps(told))


def remembered(root: str, spec: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What was written down about a function of this name, by the digests of its code."""
    return {name.partition(".")[0]: json.loads(text) for name, text in _notes(root, spec).all()}


def kept_codes(root: str) -> set[str]:
    """The digests of code of which results are kept, as far as names of files tell them."""
    units = Path(root, "jobs").glob("*/*.unit") if "://" not in root else ()
    return {unit.name.partition("-")[0] for unit in units}


def parts_of(spec: Mapping[str, Any], walk: Walk) -> dict[str, Part]:
    """All that decides the results of a function, by name."""
    found = {
        "settings": _digest([spec.get(key) for key in ("batch", "multi")]),
        "types": _digest(([name for name, _ in spec["gives"]], str(spec["takes"]))),
    }
    parts = {label: Part(digest) for label, digest in found.items() if digest}
    for node in walk.nodes:
        if isinstance(node, Module):
            parts[f"module `{node.name}`"] = Part(text_of(node.file), node.file or "")
        elif isinstance(node, type):
            for name, value in class_parts(node):
                _put(parts, f"attribute `{name}` of `{node.__qualname__}`", value, Part(""))
        else:
            _add_function(parts, node)
    return parts


def _add_function(parts: dict[str, Part], function: FunctionType) -> None:
    code = function.__code__
    at, name = Part("", code.co_filename, code.co_firstlineno), function.__qualname__
    own = Walk()
    add_code(own, code, None)
    parts[f"code of `{name}`"] = at._replace(digest=own.raw())
    _put(parts, f"defaults of `{name}`", (function.__defaults__, function.__kwdefaults__), at)
    for cell, label in zip(function.__closure__ or (), code.co_freevars, strict=True):
        if cell.cell_contents is not function:
            _put(parts, f"closure value `{label}` of `{name}`", cell.cell_contents, at)
    for used in globals_of(code):
        if used in function.__globals__:
            _put(parts, f"global `{used}` of `{name}`", function.__globals__[used], at)


def globals_of(code: CodeType) -> Iterator[str]:
    """The names of globals in code, also in that of functions inside of it."""
    for operation in body_of(code).operations:
        if operation.kind == "global":
            yield operation.value[0]
        elif operation.kind == "constant" and isinstance(operation.value, CodeType):
            yield from globals_of(operation.value)


def _put(parts: dict[str, Part], label: str, value: Any, at: Part) -> None:
    if digest := _digest(value):
        parts[label] = at._replace(digest=digest)


def _digest(value: Any) -> str:
    """The digest of a value without the code in it; nothing where it has none."""
    walk = Walk()
    try:
        walk.shape("a value", value)
    except (NoFingerprint, UnknowableError, RecursionError):
        return ""
    return walk.raw()


def text_of(file: str | None) -> str:
    """The digest of the text of a module as it is now; nothing where there is none."""
    try:
        return parsed(file).digest.hex() if file else ""
    except (OSError, SyntaxError, ValueError, UnknowableError):
        return ""


def _key(spec: Mapping[str, Any]) -> str:
    outputs = [name for name, _ in spec["gives"]]
    named = json.dumps([spec["name"], spec["mode"], outputs])
    return blake2b(named.encode(), digest_size=16).hexdigest()


def _notes(root: str, spec: Mapping[str, Any]) -> Any:
    return notes_of(root, _key(spec), "parts")


def _folder(root: str, spec: Mapping[str, Any]) -> Path:
    return Path(root) / "parts" / _key(spec)
