"""Copying a user's function to another process.

What can be imported there travels by name; what cannot, such as everything in a script or
a notebook, travels by value. The worker gets the module path and the folder of the parent.
"""

from __future__ import annotations

import importlib
import io
import linecache
import os
import pickle
import site
import sys
import sysconfig
from hashlib import blake2b
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any

from lakebed._udf import carry, state
from lakebed.exceptions import UdfError

if TYPE_CHECKING:
    from collections.abc import Iterator

Stamps = dict[str, int]
"""When the source of each module of users was changed last."""

_imported: Stamps = {}
"""The modules of users that this worker imported, as they were."""


def dump(spec: dict[str, Any]) -> bytes:
    """The spec of a function for `load` in another process.

    Raises:
        UdfError: Something that the function uses cannot be copied.
    """
    _carry_modules()
    filled: state.Globals = spec.get("filled", {})
    spec = spec | {"deps": (), "filled": {}}
    files: set[str] = set()
    function = _dumps_or_none(spec, files, filled)
    function = function or _dumps_or_none(spec | {"known": []}, files, filled)
    if function is None:
        raise UdfError(_refusal(spec), code="udf.not_copied")
    surroundings = dict(os.environ), state.changed(own_modules(), spec.get("covered"), filled)
    return pickle.dumps(
        (sys.path, str(Path.cwd()), _stamps(), _sources(files), surroundings, function)
    )


def dump_anywhere(spec: dict[str, Any]) -> bytes:
    """The spec of a function for `load_anywhere` on any machine, at any time.

    Users' modules come as texts, with what the program put into them. Nothing of this process
    comes that is not the function's: neither its environment nor its folder.

    Raises:
        UdfError: Something that the function uses cannot be copied.
    """
    _carry_modules()
    filled: state.Globals = spec.get("filled", {})
    left_out: dict[str, Any] = {
        "deps": (),
        "filled": {},
        "known": [],
        "known_code": None,
        "root": "",
    }
    files: set[str] = set()
    function = _dumps_or_none(spec | left_out, files, filled)
    if function is None:
        raise UdfError(_refusal(spec, "for other machines"), code="udf.not_copied")
    covered = spec.get("covered") or ()
    modules = carry.texts(own_modules(), covered)
    changes = state.changed(own_modules(), covered, filled)
    copy = pickle.dumps((modules, changes, _sources(files), function))
    _remember(copy, spec)
    return copy


def load_anywhere(copy: bytes, root: str) -> dict[str, Any]:
    """The spec that was dumped; what the function reads is noted below a root."""
    known = _copies.get(_digest(copy))
    if known is None:
        modules, changes, sources, function = pickle.loads(copy)  # noqa: S301  roots are trusted
        carry.install(modules)
        state.put(changes)
        linecache.cache.update(sources)
        known = pickle.loads(function)  # noqa: S301
        _remember(copy, known)
    return known | {"root": root}


_copies: dict[bytes, dict[str, Any]] = {}
"""The functions of the last copies that this process made, or was given.

A class must not be loaded where it is: what it has by now would be set back.
"""

_MOST_COPIES = 64


def _remember(copy: bytes, spec: dict[str, Any]) -> None:
    _copies[_digest(copy)] = spec
    while len(_copies) > _MOST_COPIES:
        _copies.pop(next(iter(_copies)), None)


def _digest(copy: bytes) -> bytes:
    return blake2b(copy, digest_size=16).digest()


def load(blob: bytes) -> dict[str, Any]:
    """The spec that was dumped; modules that have changed since are imported anew."""
    path, folder, stamps, sources, surroundings, function = pickle.loads(blob)  # noqa: S301  from our parent
    sys.path[:] = path
    linecache.cache.update(sources)
    if Path(folder).is_dir():
        os.chdir(folder)
    _forget_changed(stamps)
    state.apply(*surroundings)
    spec: dict[str, Any] = pickle.loads(function)  # noqa: S301
    _imported.update(_stamps())
    return spec


# Modules


def _carry_modules() -> None:
    """What is in modules that no other process finds travels by value.

    Test runners make such modules of files that are on no path.
    """
    import cloudpickle

    carried = cloudpickle.list_registry_pickle_by_value()
    for name, module in own_modules():
        if name in carried or name == "__main__":
            continue
        if not _is_found(name, module) or state.is_edited(module):
            cloudpickle.register_pickle_by_value(module)


def _is_found(name: str, module: ModuleType) -> bool:
    """Whether importing the name in another process gives the same file."""
    spec, above = None, None
    for end in (*(at for at, char in enumerate(name) if char == "."), len(name)):
        finders = (finder.find_spec(name[:end], above) for finder in sys.meta_path)
        spec = next((found for found in finders if found is not None), None)
        above = spec.submodule_search_locations if spec else None
        if above is None:
            break
    return spec is not None and spec.name == name and spec.origin == module.__file__


def own_modules() -> Iterator[tuple[str, ModuleType]]:
    """The modules of users: neither Python's own nor installed."""
    paths = sysconfig.get_paths()
    standard = [paths[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")]
    installed = (*standard, *site.getsitepackages(), site.getusersitepackages())
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        # which multiprocessing calls `__main__` too
        if name == "__mp_main__" and module is sys.modules.get("__main__"):
            continue
        if name == "__main__" or (file and not file.startswith(installed)):
            yield name, module


def _forget_changed(stamps: Stamps) -> None:
    """A warm process must not run the code of yesterday."""
    if any(stamps.get(name, stamp) != stamp for name, stamp in _imported.items()):
        for name in _imported:
            sys.modules.pop(name, None)
        _imported.clear()
        importlib.invalidate_caches()


def _stamps() -> Stamps:
    """Those of the modules that are neither Python's own nor installed."""
    paths = sysconfig.get_paths()
    standard = [paths[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")]
    installed = (*standard, *site.getsitepackages(), site.getusersitepackages())
    files = {name: getattr(module, "__file__", None) for name, module in [*sys.modules.items()]}
    found = {name: file for name, file in files.items() if file and not file.startswith(installed)}
    return {name: _changed_at(file) for name, file in sorted(found.items())}


def _changed_at(file: str) -> int:
    try:
        return Path(file).stat().st_mtime_ns
    except OSError:
        return 0


# What code is called


def _code_of_file(make: type[CodeType], parts: tuple[Any, ...], file: str) -> CodeType:
    """The code as that of its file, which tracebacks name."""
    return make(*parts).replace(co_filename=file)


def _sources(files: set[str]) -> dict[str, Any]:
    """The text of files that are on no disk, such as the cells of a notebook."""
    found = {}
    for file in files:
        lines = linecache.getlines(file)
        if lines and not Path(file).is_file():
            # without a time of change, nobody looks for a newer one
            found[file] = (sum(map(len, lines)), None, lines, file)
    return found


# What cannot be copied


def _dumps_or_none(
    value: Any, files: set[str] | None = None, filled: state.Globals | None = None
) -> bytes | None:
    """The value as bytes.

    Args:
        value: What is copied.
        files: Gets the names of the files that its code is from.
        filled: Globals that are copied with these values.
    """
    import cloudpickle

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]
        def reducer_override(self, obj: Any) -> Any:
            if isinstance(obj, CodeType):
                # newer releases of cloudpickle forget the name of the file
                if files is not None:
                    files.add(obj.co_filename)
                return _code_of_file, (*self.dispatch_table[CodeType](obj), obj.co_filename)
            if isinstance(obj, io.IOBase) and obj not in (sys.stdout, sys.stderr):
                # cloudpickle would copy what the file contains now
                msg = "an open file"
                raise pickle.PicklingError(msg)
            if isinstance(obj, ModuleType):
                reduced = self.dispatch_table[ModuleType](obj)
            else:
                reduced = super().reducer_override(obj)
            _leave_out(obj, reduced, filled or {})
            return reduced

    copied = io.BytesIO()
    try:
        Pickler(copied).dump(value)
    except Exception:  # noqa: BLE001  every class refuses in its own way
        return None
    return copied.getvalue()


def _leave_out(obj: Any, reduced: Any, filled: state.Globals) -> None:
    """Take out of what is copied what the other process makes for itself."""
    parts = reduced if isinstance(reduced, tuple) else ()
    if isinstance(obj, type) and len(parts) > 2:  # noqa: PLR2004
        # a model's class remembers all variables of the function that it was made in
        parts[2][0].pop("__pydantic_parent_namespace__", None)
    held: Any = None
    if isinstance(obj, FunctionType) and parts:
        module, held = obj.__globals__.get("__name__"), parts[2][1]["__globals__"]
    elif isinstance(obj, ModuleType):
        module, held = obj.__name__, parts[1][-1]
    if isinstance(held, dict):
        names = {key: before for (name, key), before in filled.items() if name == module}
        held.update({key: before for key, before in names.items() if key in held})


def _refusal(spec: dict[str, Any], where: str = "to a worker process") -> str:
    name, value = _culprit(spec["name"], _roots(spec))
    what = "an open file" if isinstance(value, io.IOBase) else f"a `{_type_name(value)}`"
    hint = "create it in setup()"
    if where.endswith("process"):
        hint += ", or leave parallel= away"
    return f"`{name}` is {what} and cannot be copied {where}; hint: {hint}"


def _roots(spec: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    yield from ((name, getattr(once, "func", once)) for name, once in spec["setup"].items())
    if spec["owner"] is not None:
        yield from _parts(spec["owner"])
    yield spec["name"], spec["call"]
    yield from spec.items()


def _culprit(
    name: str, candidates: Iterator[tuple[str, Any]], above: tuple[int, ...] = ()
) -> tuple[str, Any]:
    """The innermost value that cannot be copied, and what it is called."""
    for part, value in candidates:
        if id(value) not in above and _dumps_or_none(value) is None:
            innermost = _culprit(part, _parts(value), (*above, id(value)))
            return innermost if innermost[1] is not None else (part, value)
    return name, None


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    """What a value consists of, by name."""
    if isinstance(value, MethodType):
        yield from _parts(value.__self__)
        yield from _parts(value.__func__)
    elif isinstance(value, FunctionType):
        yield from _parts_of_function(value)
    elif isinstance(value, dict):
        yield from ((str(key), item) for key, item in value.items())
    elif isinstance(value, (list, tuple, set)):
        yield from ((type(item).__name__, item) for item in value)
    elif not isinstance(value, (type, ModuleType, BuiltinFunctionType)):
        yield from getattr(value, "__dict__", {}).items()


def _parts_of_function(function: FunctionType) -> Iterator[tuple[str, Any]]:
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    for name, cell in cells:
        try:
            yield name, cell.cell_contents
        except ValueError:  # not assigned yet
            continue
    for name in _global_names(function.__code__):
        if name in function.__globals__:
            yield name, function.__globals__[name]
    yield from (("a default", value) for value in function.__defaults__ or ())
    yield from (function.__kwdefaults__ or {}).items()


def _global_names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _global_names(constant)


def _type_name(value: Any) -> str:
    kind = type(value)
    return f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")
