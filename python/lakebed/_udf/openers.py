"""What opens files unheard: compiled readers of packages, and the environment.

Nearly all of Python opens files through `open`, which `observe.py` hears. What users
read weights and tables with, and what does not, is listed here and tells of its own: a
function written in Python keeps its identity and gets other code; what is compiled is
put behind an `Opener` where its module offers it, and where modules of the project have
it under a name. All of it is taken back when nobody listens any more.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import os
import sys
import warnings
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from importlib.machinery import ModuleSpec

_TABLES = ("read_csv", "read_json", "read_ndjson", "read_parquet", "scan_csv", "scan_parquet")

_READERS: dict[str, Sequence[str]] = {
    "catboost": ("CatBoost.load_model", "CatBoostClassifier.load_model", "Pool.__init__"),
    "cv2": ("VideoCapture", "imread", "imreadmulti"),
    "duckdb": (
        *("connect", "from_csv_auto", "from_parquet", "read_csv", "read_json", "read_parquet"),
        *("DuckDBPyConnection.read_csv", "DuckDBPyConnection.read_parquet"),
    ),
    "faiss": ("read_index",),
    "fasttext": ("load_model",),
    "h5py": ("File.__init__",),
    "lakebed.read.csv": ("read_csv",),
    "lakebed.read.json": ("read_json",),
    "lakebed.read.parquet": ("read_parquet",),
    "lakebed.read.storage": ("read_storage",),
    "lance": ("dataset",),
    "lightgbm": ("Booster.__init__", "Dataset.__init__"),
    "llama_cpp": ("Llama.__init__",),
    "netCDF4": ("Dataset",),
    "onnxruntime": ("InferenceSession.__init__",),
    "pandas": ("HDFStore.__init__", "read_feather", "read_orc", "read_parquet"),
    "polars": (*_TABLES, "read_avro", "read_ipc", "scan_ipc", "scan_ndjson"),
    "pyarrow": ("OSFile", "input_stream", "memory_map"),
    "pyarrow.csv": ("open_csv", "read_csv"),
    "pyarrow.dataset": ("dataset",),
    "pyarrow.feather": ("read_feather", "read_table"),
    "pyarrow.json": ("open_json", "read_json"),
    "pyarrow.orc": ("ORCFile.__init__", "read_table"),
    "pyarrow.parquet": (
        *("ParquetDataset.__init__", "ParquetFile.__init__", "read_metadata"),
        *("read_pandas", "read_schema", "read_table"),
    ),
    "rasterio": ("open",),
    "safetensors": ("safe_open",),
    "safetensors.numpy": ("load_file", "safe_open"),
    "safetensors.torch": ("load_file", "load_model", "safe_open"),
    "sentencepiece": ("SentencePieceProcessor.Init", "SentencePieceProcessor.Load"),
    "soundfile": ("SoundFile.__init__",),
    "sqlite3": ("connect",),
    "sqlite3.dbapi2": ("connect",),
    "torch.jit": ("load",),
    "xgboost": ("Booster.__init__", "Booster.load_model", "DMatrix.__init__"),
}
"""Functions and methods that open what their arguments name, by module.

Not what looks at the variables of its caller, as SQL over frames does.
"""

_ABSENT = object()

_undo: list[Callable[[], None]] = []
"""What takes back all that was put into packages, last first."""

_openers: list[Opener] = []

_told: list[Callable[[Sequence[Any]], None]] = []
"""Gets the arguments of each call of an opener, while anybody listens."""

_connected: list[Callable[[Any], None]] = []


class Opener:
    """A compiled function or class that tells what it is called with, and is like it else."""

    def __init__(self, made: Any) -> None:
        functools.update_wrapper(self, made, updated=())
        self.__wrapped__ = made

    def __call__(self, *given: Any, **named: Any) -> Any:
        for heard in _told:
            heard([*given, *named.values()])
        return self.__wrapped__(*given, **named)

    def __get__(self, owner: Any, _cls: type | None = None) -> Any:
        is_bound = owner is not None and hasattr(type(self.__wrapped__), "__get__")
        return MethodType(self, owner) if is_bound else self

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__wrapped__, name)

    def __reduce__(self) -> Any:
        # the original, wherever that is unpickled
        return copy.copy, (self.__wrapped__,)

    def __instancecheck__(self, value: Any) -> bool:
        return isinstance(value, self.__wrapped__)

    def __subclasscheck__(self, cls: type) -> bool:
        return issubclass(cls, self.__wrapped__)

    def __mro_entries__(self, _bases: tuple[Any, ...]) -> tuple[Any, ...]:
        return (self.__wrapped__,)

    def __or__(self, other: Any) -> Any:
        return self.__wrapped__ | other

    def __ror__(self, other: Any) -> Any:
        return other | self.__wrapped__

    def __eq__(self, other: object) -> bool:
        return bool(self.__wrapped__ == original(other))

    def __hash__(self) -> int:
        return hash(self.__wrapped__)

    def __repr__(self) -> str:
        return repr(self.__wrapped__)


class _Connector(Opener):
    """The same for databases of SQLite, which Python tells of: what is told are connections."""

    def __call__(self, *given: Any, **named: Any) -> Any:
        made = self.__wrapped__(*given, **named)
        for connected in _connected:
            connected(made)
        return made


def install(
    heard: Callable[[Sequence[Any]], None],
    asked: Callable[[str], None],
    connected: Callable[[Any], None],
) -> None:
    """From now on packages tell which files they are asked for, until `remove`.

    Args:
        heard: Gets the arguments of each call of an opener.
        asked: Gets the names of variables of the environment that the project asks for.
        connected: Gets the connections to databases of SQLite.
    """
    _told.append(heard)
    _connected.append(connected)
    _hear_environment(asked)
    for name in _READERS:
        if isinstance(module := sys.modules.get(name), ModuleType):
            _wrap(module)
    _exchange({id(made.__wrapped__): made for made in _openers})
    finder = _Loading()
    sys.meta_path.insert(0, finder)
    _undo.append(lambda: sys.meta_path.remove(finder))


def remove() -> None:
    """Everything is as it was before `install`."""
    _told.clear()
    _connected.clear()
    while _undo:
        with contextlib.suppress(AttributeError, TypeError, ValueError):
            _undo.pop()()
    _exchange({id(made): made.__wrapped__ for made in _openers})
    _openers.clear()


def _exchange(others: Mapping[int, Any]) -> None:
    """Put other things under the names that modules of the project have for some."""
    from lakebed._udf.ship import own_modules

    for _, module in own_modules() if others else ():
        names = vars(module)
        for key, value in list(names.items()):
            if id(value) in others and names.get(key) is value:
                names[key] = others[id(value)]


def replace(owner: Any, name: str, value: Any) -> None:
    """Put something into a module or class, until `remove`."""
    before = vars(owner).get(name, _ABSENT)

    def undo() -> None:
        if vars(owner).get(name) is not value:
            # somebody put another thing around it
            return
        if before is _ABSENT:
            delattr(owner, name)
        else:
            setattr(owner, name, before)

    try:
        setattr(owner, name, value)
    except (AttributeError, TypeError):
        # a class that cannot be changed
        return
    _undo.append(undo)


def original(value: Any) -> Any:
    """What an opener stands for, else the value itself."""
    return value.__wrapped__ if type(value) in (Opener, _Connector) else value


def _wrap(module: ModuleType) -> None:
    for path in _READERS[module.__name__]:
        *above, name = path.split(".")
        # without running what a module has for names that it has not
        owner: Any = vars(module).get(above[0]) if above else module
        value = getattr(owner, name, None) if above else vars(module).get(name)
        if type(value) is FunctionType:
            _recode(value)
        elif callable(value) and type(value) not in (Opener, _Connector):
            kind = _Connector if module.__name__.startswith("sqlite3") else Opener
            _openers.append(kind(value))
            replace(owner, name, _openers[-1])


def _recode(function: FunctionType) -> None:
    """The function does what it did and tells of it, whoever holds it already."""
    code, wrapped = function.__code__, "__wrapped__" in vars(function)
    if any(type(constant) is Opener for constant in code.co_consts):
        return
    before = FunctionType(
        code, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    before.__kwdefaults__ = function.__kwdefaults__
    before.__dict__.update(vars(function))
    opener = Opener(before)
    shim = _SHIM.replace(
        co_consts=tuple(opener if held == _NAME else held for held in _SHIM.co_consts),
        co_freevars=code.co_freevars,
        co_filename=code.co_filename,
        co_firstlineno=code.co_firstlineno,
        co_name=code.co_name,
        co_qualname=code.co_qualname,
    )
    function.__code__ = shim
    if not wrapped:
        # what asks for its signature
        function.__wrapped__ = before  # type: ignore[attr-defined]

    def undo() -> None:
        if function.__code__ is shim:
            function.__code__ = code
        if not wrapped:
            vars(function).pop("__wrapped__", None)

    _undo.append(undo)


def _shim() -> CodeType:
    """The code of a function that calls a constant; which one is put in later."""
    scope: dict[str, Any] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        exec(f"def shim(*given, **named): return {_NAME!r}(*given, **named)", scope)  # noqa: S102
    code: CodeType = scope["shim"].__code__
    return code


_NAME = "opener"
_SHIM = _shim()


class _Loading:
    """Wraps the readers of packages that are imported later."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name not in _READERS:
            return None
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            if finder is self or find is None:
                continue
            spec: ModuleSpec | None = find(name, path, target)
            if spec is not None:
                self._follow(spec.loader)
                return spec
        return None

    def _follow(self, loader: Any) -> None:
        execute = getattr(loader, "exec_module", None)
        if execute is None:
            return

        def executed(module: ModuleType) -> None:
            del loader.exec_module
            execute(module)
            if _told:
                _wrap(module)

        loader.exec_module = executed


_gone_through: dict[Any, Any] = {}
"""Names of variables by which somebody went through all of them: these very objects."""


def _hear_environment(asked: Callable[[str], None]) -> None:
    kind = os._Environ
    get, names = kind.__getitem__, kind.__iter__

    @functools.wraps(get)
    def told(self: Any, key: Any) -> Any:
        if isinstance(key, (str, bytes)) and _gone_through.get(key) is not key:
            asked(key if isinstance(key, str) else os.fsdecode(key))
        return get(self, key)

    @functools.wraps(names)
    def gone_through(self: Any) -> Any:
        for key in names(self):
            _gone_through[key] = key
            yield key

    replace(kind, "__getitem__", told)
    replace(kind, "__iter__", gone_through)
    _undo.append(_gone_through.clear)
