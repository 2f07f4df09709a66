"""`map`: from the user's functions to the engine's stages.

What is called with what, and giving what, is read from signatures by `udf.py`. Where
that leaves the type open, the function is called here, once, on the first row.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from lakebed._columns import resolved, values_at
from lakebed._schema import Spec, infer_spec
from lakebed._settings import BATCH_ROWS
from lakebed.exceptions import SetupError, UdfError
from lakebed.udf import AbstractUDF, UdfSignature, parse_map

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lakebed._native import Chain

_TEXT: Spec = {"kind": "str", "nullable": True}


class Once:
    """A `setup` callable that runs once in a process, however many stages use it."""

    def __init__(self, name: str, func: Callable[[], Any]) -> None:
        if not callable(func):
            msg = f"setup `{name}` takes a callable, not `{func!r}`; hint: lambda: value"
            raise SetupError(msg)
        self.func = func
        self._lock = threading.Lock()
        self._value: list[Any] = []

    def __call__(self) -> Any:
        with self._lock:
            if not self._value:
                self._value.append(self.func())
            return self._value[0]


def map_columns(
    native: Chain,
    call: tuple[Any, Any, Any, Mapping[str, Any]],
    setup: Mapping[str, Once],
    batch_rows: int | None,
) -> Chain:
    """The chain with the outputs of the functions added.

    Args:
        native: What the functions read.
        call: `func`, `params`, `output` and the named functions, as given to `map`.
        setup: The values that functions may take beside columns.
        batch_rows: Rows of results written at once.
    """
    columns = dict(resolved(native))
    for signature in parse_map(*call, columns, setup):
        arguments = [
            param if param in signature.setup_names else (param, _spec_at(columns, param))
            for param in signature.params
        ]
        known = None
        outputs = signature.outputs
        if outputs == "infer":
            known = _first_call(native, signature, arguments, setup)
            outputs = _inferred(signature, known[1]) if known else _texts(signature)
        udf = signature.func if isinstance(signature.func, AbstractUDF) else None
        native = native.map(
            signature.name,
            signature.call,
            arguments,
            outputs,
            {name: setup[name] for name in signature.setup_names},
            udf.setup if udf else None,
            udf.teardown if udf else None,
            known,
            batch_rows or BATCH_ROWS,
        )
        columns.update(outputs)
    return native


def _spec_at(columns: Mapping[str, Spec], path: str) -> Spec:
    """The spec of a path that is known to exist."""
    if path in columns:
        return columns[path]
    root, *rest = path.split(".")
    spec = columns[root]
    nullable = spec["nullable"]
    for name in rest:
        spec = dict(spec["fields"])[name]
        nullable = nullable or spec["nullable"]
    return spec | {"nullable": nullable}


# Types from the first result


def _first_call(
    native: Chain,
    signature: UdfSignature,
    arguments: Sequence[Any],
    setup: Mapping[str, Once],
) -> tuple[tuple[Any, ...], Any] | None:
    """Arguments and result for the first row; None when there is no row."""
    paths = [argument[0] for argument in arguments if not isinstance(argument, str)]
    row = _first_row(native, paths)
    if row is None:
        return None
    cells = iter(row)
    values = tuple(setup[a]() if isinstance(a, str) else next(cells) for a in arguments)
    udf = signature.func if isinstance(signature.func, AbstractUDF) else None
    if udf:
        udf.setup()
    try:
        return values, signature.call(*values)
    except Exception as error:
        if hasattr(error, "add_note"):
            error.add_note(f"in `{signature.name}`, row 0: {_shown(values)}")
        raise
    finally:
        if udf:
            udf.teardown()


def _first_row(native: Chain, paths: Sequence[str]) -> tuple[Any, ...] | None:
    if not paths:
        return () if native.limit(1).count(None) else None
    first, specs, order = values_at(native.limit(1), paths)
    for rows in first.rows(specs, None):
        for row in rows:
            return tuple(row[index] for index in order)
    return None


def _inferred(signature: UdfSignature, result: Any) -> list[tuple[str, Spec]]:
    """Names and specs of a first result; what follows may also be missing."""
    names = signature.names
    results = [result]
    if signature.multi:
        fits = isinstance(result, (tuple, list)) and len(result) == len(names)
        if not fits:
            msg = (
                f"`{signature.name}` must return {len(names)} values for "
                f"{', '.join(f'`{n}`' for n in names)}, not `{_shown(result)}`"
            )
            raise UdfError(msg)
        results = list(result)
    return [
        (name, _output_spec(name, value, signature.name) | {"nullable": True})
        for name, value in zip(names, results, strict=True)
    ]


def _output_spec(name: str, value: Any, function: str) -> Spec:
    where = f"output `{name}` of `{function}`"
    return infer_spec([value], where, sample=True, struct=name)


def _texts(signature: UdfSignature) -> list[tuple[str, Spec]]:
    return [(name, _TEXT) for name in signature.names]


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:197]}..."  # noqa: PLR2004
