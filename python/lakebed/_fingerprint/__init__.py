"""What a user's function is: digests that change whenever its results could.

They cover the code that runs and every value it uses, through all helpers of the project,
and what the program put into modules, packages and their registries; what functions and
classes that are handed on as values say about themselves; and the state of seeded
generators that the code draws from. Not comments, other docstrings, places, or the order
of attributes. What a function reads while it runs is `_udf/observe.py`'s. Locks, streams
and clients of services carry no result. What cannot be told apart between runs has no
digest, and the error says which value is the reason.

An object counts as it is, with attributes that its pickling leaves out; only what a
package gives and cannot be compared, as a lock, does not count. So an object that fills a
cache of its own while the function runs is another one afterwards, and its results are
computed again where nothing else would need it: `functools.cached_property` and
`lru_cache` are known to be caches.

`walk.py` goes over values, `objects.py` over objects, `parts.py` knows what they are made
of, `bare.py` what carries no result, and `setup.py` which attributes are made anew.
`bytecode.py` reads code, `uses.py` follows the names in it, to `releases.py` or to
`modules.py`; of whole modules `text.py` gives the text and `state.py` what is not in it.
`annotated.py` evaluates annotations; `told.py`, `registries.py` and `chance.py` add what
code reaches without naming it; `named.py` writes the parts down for `explain(reuse=True)`;
`written.py` tells repaired code from code that was made with other values.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import os
import sys
from types import CodeType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any, NamedTuple

from lakebed._fingerprint import named
from lakebed._fingerprint.modules import UnknowableError
from lakebed._fingerprint.objects import NoFingerprint
from lakebed._fingerprint.walk import Walk
from lakebed._fingerprint.written import text_of_code
from lakebed._udf import observe
from lakebed._udf.notes import notes_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping

    from lakebed._schema import Spec

__all__ = [
    "Identity",
    "NoFingerprint",
    "code_of",
    "fingerprint",
    "identity",
    "origin",
    "text_of_code",
]

_FORMAT = f"2 {sys.implementation.name} {sys.version_info[0]}.{sys.version_info[1]}" + (
    f" -O{sys.flags.optimize}" if sys.flags.optimize else ""
)
"""Bytecode differs between minor versions, and so do the digests; without `assert` code does."""

_OF_FAILURES = ("timeout", "retries", "retry_on", "memory", "max_errors")

_CLASSES_OF_SPEC = ("adapter", "cls", "defaults", "fast", "hidden", "trusted")
"""What a spec says about classes; their digests are part of the code's."""


class Identity(NamedTuple):
    """What a function is.

    Attributes:
        stage: What survives a repair of the code: the name, what it takes and gives, and
            the values that it was made with, such as constructor arguments. A lambda has
            no name, so that its code is part of it.
        code: All that decides the results of rows that do not fail, also what is in the
            files that it was seen to read.
        failing: What decides which rows fail, and what becomes of these.
    """

    stage: str
    code: str
    failing: str


def identity(spec: MutableMapping[str, Any]) -> Identity:
    """The digests of a function.

    Under which key it is written down what the function reads, the spec says from then on.
    What columns are called, counts only where the function can see it.

    Args:
        spec: The function as given to the native `Function`.

    Raises:
        NoFingerprint: A value cannot be told apart between runs.
    """
    name = f"`{spec['name']}`"
    if spec.get("version") is not None:
        return _versioned(name, spec)
    ignored = spec.get("ignore", ())
    code = _walked(name, lambda walk: _code(walk, spec), ignored).digest
    if root := spec.get("root"):
        walk = _walked(name, lambda walk: _calls(walk, spec), ignored)
        spec["reads"] = walk.digest
        spec["named"], spec["covered"] = walk.state.files(), walk.state.sources()
        spec.get("found", {}).update(reads=spec["reads"], covered=spec["covered"])
        code = observe.with_reads(notes_of(root, spec["reads"]), code)
        if "probed" not in spec:
            named.remember(root, spec, code, walk)
    # what a probe told under other code is nothing to go on with
    unnamed = code if _is_lambda(spec) or "probed" in spec else ""

    def add_stage(walk: Walk) -> None:
        walk.value((unnamed, _stage(spec)))
        for label, value in _made_with(spec):
            walk.shape(label, value)

    return Identity(_digest(name, add_stage), code, _failing(name, spec))


def _versioned(name: str, spec: Mapping[str, Any]) -> Identity:
    """The same for a function whose user says by a version when its results change."""

    def add_stage(walk: Walk) -> None:
        walk.value((_stage(spec), _code_of_lambda(spec)))
        for label, value in [*_made_with(spec), *_closed_over(spec)]:
            try:
                walk.shape(label, value)
            except (NoFingerprint, UnknowableError):
                # such as a client, for which the version speaks too
                walk.value(type(value).__qualname__)

    def add(walk: Walk) -> None:
        walk.value(("version", str(spec["version"])))
        add_stage(walk)
        _add_settings(walk, spec)

    return Identity(_digest(name, add_stage), _digest(name, add), _failing(name, spec))


def _failing(name: str, spec: Mapping[str, Any]) -> str:
    """The digest of what decides which rows fail and what becomes of them."""
    mode = spec.get("on_error", "raise")
    # where the first failure ends the run, no row has failed
    limits = [spec.get(key) for key in _OF_FAILURES] if mode != "raise" else []
    return _digest(name, lambda walk: walk.value([mode, limits]))


def _code_of_lambda(spec: Mapping[str, Any]) -> tuple[Any, ...]:
    """What tells lambdas apart, which have no names."""
    call = spec["call"]
    while isinstance(call, functools.partial):
        call = call.func
    if not (_is_lambda(spec) and isinstance(call, FunctionType)):
        return ()
    code = call.__code__
    constants = [repr(value) for value in code.co_consts if not isinstance(value, CodeType)]
    return code.co_code, code.co_names, tuple(constants)


def _closed_over(spec: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What a function was made with that it closes over."""
    call = spec["call"]
    while isinstance(call, (functools.partial, MethodType)):
        call = call.func if isinstance(call, functools.partial) else call.__func__
    if isinstance(call, FunctionType):
        for name, cell in zip(call.__code__.co_freevars, call.__closure__ or (), strict=True):
            with contextlib.suppress(ValueError):
                yield f"closure value `{name}`", cell.cell_contents


def code_of(spec: MutableMapping[str, Any]) -> str | None:
    """The digest of a function's code; None when it has none."""
    try:
        return identity(spec).code
    except NoFingerprint:
        return None


def origin(spec: Mapping[str, Any]) -> str:
    """The digest of where a function stands: its module, and the file of that.

    A notebook and the like have no file; there it is the folder that they run in.
    """
    call = spec.get("probed", spec["call"])
    if spec.get("owner") is not None:
        call = type(spec["owner"])
    while isinstance(call, (functools.partial, MethodType)):
        call = call.func if isinstance(call, functools.partial) else call.__func__
    call = inspect.unwrap(call)
    named = call if isinstance(call, (FunctionType, type)) else type(call)
    module = getattr(named, "__module__", None) or ""
    file = getattr(sys.modules.get(module), "__file__", None)
    if isinstance(call, FunctionType):
        file = call.__code__.co_filename
    is_file = file is not None and os.path.isfile(file)  # noqa: PTH113  pathlib is slow
    place = os.path.realpath(file if is_file and file else os.curdir)
    return _digest("the place", lambda walk: walk.value((module, place)))


def fingerprint(value: Any) -> str:
    """The digest of one value, by the same rules.

    Raises:
        NoFingerprint: It cannot be told apart between runs.
    """
    return _digest("the value", lambda walk: walk.callee(value))


def _digest(name: str, add: Callable[[Walk], None]) -> str:
    """The digest of what `add` adds."""
    return _walked(name, add).digest


def _walked(name: str, add: Callable[[Walk], None], ignored: Iterable[str] = ()) -> Walk:
    """The walk over what `add` adds, done again where that might differ."""

    def once() -> Walk:
        walk = Walk([name], ignored)
        walk.put("format", _FORMAT)
        try:
            add(walk)
            walk.digest = walk.finish().hex()
        except UnknowableError as error:
            msg = f"{walk.subject} {error}"
            raise NoFingerprint(msg) from error
        return walk

    try:
        walk = once()
        if walk.doubt and once().digest != walk.digest:
            raise NoFingerprint(walk.doubt)
    except RecursionError as error:
        msg = f"{name} holds values that are nested too deeply to be compared"
        raise NoFingerprint(msg) from error
    return walk


def _stage(spec: Mapping[str, Any]) -> tuple[Any, ...]:
    sees_names = spec["mode"] == "batch"
    gives = [(name if sees_names else "", _plain(given)) for name, given in spec["gives"]]
    takes = [
        (kind, path if sees_names or kind == "setup" else "", _plain_values(taken))
        for kind, path, taken in spec["takes"]
    ]
    return spec["name"], spec["mode"], gives, takes, spec.get("probe"), spec.get("batch_rows")


def _made_with(spec: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What tells a function apart from others of its name, whatever their code.

    Closure values do not: they are what a function records, or how it was made to fail.
    """
    call = spec.get("probed", spec["call"])
    yield "the function", call
    yield "its object", spec.get("owner")
    while isinstance(call, (functools.partial, MethodType)):
        call = call.func if isinstance(call, functools.partial) else call.__func__
    if isinstance(call, FunctionType):
        yield "its module", call.__module__
        yield "its defaults", (call.__defaults__, call.__kwdefaults__)


def _plain(spec: Any) -> Any:
    """A spec without classes: kinds, names and fields."""
    if isinstance(spec, dict):
        return {k: _plain(v) for k, v in spec.items() if k not in _CLASSES_OF_SPEC}
    if isinstance(spec, (list, tuple)):
        return [_plain(part) for part in spec]
    return spec if isinstance(spec, (str, int, type(None))) else str(spec)


def _plain_values(spec: Any) -> Any:
    """The same of what is taken: whether there are nulls, the rows tell."""
    if isinstance(spec, dict):
        plain = _plain(spec)
        return {k: _plain_values(v) for k, v in plain.items() if k != "nullable"}
    return [_plain_values(part) for part in spec] if isinstance(spec, list) else spec


def _calls(walk: Walk, spec: Mapping[str, Any]) -> None:
    walk.callee(spec.get("probed", spec["call"]))
    walk.value(spec.get("owner"))
    for name, made in sorted(spec.get("setup", {}).items()):
        walk.put("setup", name)
        walk.part(f"setup `{name}`", getattr(made, "func", made), is_shown=False)


def _code(walk: Walk, spec: Mapping[str, Any]) -> None:
    _calls(walk, spec)
    kinds = [taken for _, _, taken in spec["takes"]] + [given for _, given in spec["gives"]]
    for found in kinds:
        for cls in _classes(found):
            walk.part("a type", cls, is_shown=False)
    _add_settings(walk, spec)


def _add_settings(walk: Walk, spec: Mapping[str, Any]) -> None:
    """Add what the user says about a function, as far as it decides the results."""
    for dependency in spec.get("deps", ()):
        _add_dependency(walk, dependency)
    walk.value([spec.get(key) for key in ("batch", "multi")])


def _add_dependency(walk: Walk, dependency: Any) -> None:
    """Add a file or folder by what it holds, or else a value."""
    is_path = isinstance(dependency, os.PathLike)
    if is_path or (isinstance(dependency, str) and os.path.exists(dependency)):  # noqa: PTH110
        walk.put("depends", observe.content_of(os.fspath(dependency)))
    else:
        walk.part("a value of deps", dependency)


def _classes(spec: Spec | str | None) -> Iterator[Any]:
    """The user's classes in a spec: their methods run on the values of the column."""
    if not isinstance(spec, dict):
        return
    cls = spec.get("cls")
    if cls is not None and not vars(cls).get("_rebuilt"):
        yield cls
    if spec.get("adapter") is not None:
        yield spec["adapter"]._type
    for _, field in spec.get("fields", ()):
        yield from _classes(field)
    for key in ("item", "key", "value", "model"):
        yield from _classes(spec.get(key))


def _is_lambda(spec: Mapping[str, Any]) -> bool:
    call = spec.get("probed", spec["call"])
    while isinstance(call, functools.partial):
        call = call.func
    return "<lambda>" in (spec["name"], getattr(call, "__name__", ""))
