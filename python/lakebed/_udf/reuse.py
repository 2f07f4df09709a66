"""Why results of functions are used again, or not: for `explain(reuse=True)` and `lakebed why`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakebed._fingerprint import NoFingerprint, identity, named
from lakebed._udf import observe
from lakebed._udf.notes import notes_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_SHORT = 8


def explained(specs: Sequence[dict[str, Any]]) -> str:
    """For each function whether its results are used again, and else what changed."""
    lines = [line for spec in specs for line in _explained(spec)]
    return "\n".join(lines) or "the chain calls no functions"


def _explained(spec: dict[str, Any]) -> Iterator[str]:
    try:
        code = identity(spec).code
    except NoFingerprint as error:
        yield f"`{spec['name']}`: always computed again: {error}"
        return
    root = spec["root"]
    kept = named.kept_codes(root)
    known = named.remembered(root, spec)
    if code[: named.LETTERS] in kept:
        yield f"`{spec['name']}`: results are used again for the same rows ({code[:_SHORT]})"
        return
    before = max(
        (told for name, told in known.items() if name in kept),
        key=lambda told: told["at"],
        default=None,
    )
    if before is None:
        yield f"`{spec['name']}`: computed, as no results of it are kept"
        return
    yield f"`{spec['name']}`: computed again"
    now = known.get(code[: named.LETTERS], {"parts": {}})
    yield from _differences(before["parts"], now["parts"])
    yield from changed_reads(root, before["reads"])


def _differences(
    before: Mapping[str, Sequence[Any]], now: Mapping[str, Sequence[Any]]
) -> Iterator[str]:
    for label in sorted({*before, *now}):
        old, new = before.get(label), now.get(label)
        if old and new and old[0] == new[0]:
            continue
        _, file, line = new or old or ("", "", 0)
        place = f"  ({os.path.relpath(file)}:{line})" if file else ""
        yield f"  {label}: {_shown(old)} -> {_shown(new)}{place}"


def _shown(part: Sequence[Any] | None) -> str:
    return part[0][:_SHORT] if part else "absent"


def changed_reads(root: str, key: str) -> Iterator[str]:
    """What a function read that holds something else now."""
    for name, was, now in observe.changes(notes_of(root, key)):
        yield f"  {name.replace(':', ' ', 1)}: {was[:_SHORT]} -> {now[:_SHORT]}"


def link(root: str, dataset: str, specs: Sequence[Mapping[str, Any]]) -> None:
    """Write down which functions made a dataset."""
    made = [
        {"function": spec["name"], "reads": spec["found"]["reads"], "files": _files(spec)}
        for spec in specs
        if spec["found"] and "://" not in root
    ]
    if made:
        place = _place(root, dataset)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps(made))


def why(root: str, dataset: str) -> str:
    """What changed since a dataset was saved, of what its functions are made of and read."""
    place = _place(root, dataset)
    if not place.is_file():
        return f"nothing is known of functions that made `{dataset.rpartition('.')[2]}`"
    lines = []
    for made in json.loads(place.read_text()):
        changed = [
            f"  code in {os.path.relpath(file)}: {was[:_SHORT]} -> {now[:_SHORT] or 'gone'}"
            for file, was in made["files"].items()
            if (now := named.text_of(file)) != was
        ]
        changed += changed_reads(root, made["reads"])
        state = "something changed" if changed else "nothing changed"
        lines += [f"`{made['function']}`: {state}", *changed]
    return "\n".join(lines)


def _files(spec: Mapping[str, Any]) -> dict[str, str]:
    files = (file for file in spec["found"]["covered"] if file.endswith(".py"))
    return {file: named.text_of(file) for file in files}


def _place(root: str, dataset: str) -> Path:
    return Path(root) / "parts" / "datasets" / f"{dataset}.json"
