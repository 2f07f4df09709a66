"""What opens files unheard: compiled readers of packages, the environment, the catalog.

Nearly all of Python opens files through `open`, which `observe.py` hears. What users
read weights and tables with, and what does not, is listed here and tells of its own: a
function written in Python keeps its identity and gets other code; what is compiled is
put behind a function where its module offers it. That happens when a package is loaded.
"""

from __future__ import annotations

import functools
import os
import sys
import warnings
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
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
    "torch.jit": ("load",),
    "xgboost": ("Booster.__init__", "Booster.load_model", "DMatrix.__init__"),
}
"""Functions and methods that open what their arguments name, by module.

Not what looks at the variables of its caller, as SQL over frames does.
"""

_MADE = "__lakebed_opener__"

_done: set[str] = set()


@functools.cache
def install(heard: Callable[[Sequence[Any]], None], asked: Callable[[str], None]) -> None:
    """From now on packages tell which files they are asked for.

    Args:
        heard: Gets the arguments of each call of an opener.
        asked: Gets the names of variables of the environment that the project asks for.
    """
    _hear_environment(asked)
    for name in _READERS:
        if isinstance(module := sys.modules.get(name), ModuleType):
            _wrap(module, heard)
    sys.meta_path.insert(0, _Loading(heard))


def original(value: Any) -> Any:
    """What an opener stands for, else the value itself."""
    is_one = isinstance(value, (FunctionType, type)) and _MADE in vars(value)
    return vars(value)[_MADE] if is_one else value


def _wrap(module: ModuleType, heard: Callable[[Sequence[Any]], None]) -> None:
    if module.__name__ in _done:
        return
    _done.add(module.__name__)
    for path in _READERS[module.__name__]:
        *above, name = path.split(".")
        owner: Any = module
        for step in above:
            owner = getattr(owner, step, None)
        value = getattr(owner, name, None)
        if type(value) is FunctionType:
            _recode(value, heard)
        elif callable(value) and not isinstance(value, type):
            _put(owner, name, _telling(value, heard))
        elif isinstance(value, type):
            _put(owner, name, _telling_class(value, heard))


def _put(owner: Any, name: str, value: Any) -> None:
    try:
        setattr(owner, name, value)
    except (AttributeError, TypeError):
        # a class that cannot be changed
        return


def _telling(call: Callable[..., Any], heard: Callable[[Sequence[Any]], None]) -> Any:
    def opener(*given: Any, **named: Any) -> Any:
        heard([*given, *named.values()])
        return call(*given, **named)

    opener = functools.update_wrapper(opener, call)
    setattr(opener, _MADE, call)
    return opener


def _telling_class(cls: type, heard: Callable[[Sequence[Any]], None]) -> Any:
    """A class whose objects tell what they are made of; a function where it has no heirs."""

    def make(made: type, *given: Any, **named: Any) -> Any:
        heard([*given, *named.values()])
        return cls.__new__(made, *given, **named)

    told = {"__new__": make, "__module__": cls.__module__, "__doc__": cls.__doc__, _MADE: cls}
    try:
        return type(cls)(cls.__name__, (cls,), {**told, "__qualname__": cls.__qualname__})
    except TypeError:
        return _telling(cls, heard)


def _recode(function: FunctionType, heard: Callable[[Sequence[Any]], None]) -> None:
    """The function does what it did and tells of it, whoever holds it already."""
    code, wrapped = function.__code__, dict(vars(function))
    before = FunctionType(
        code, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    before.__kwdefaults__ = function.__kwdefaults__
    before.__dict__.update(wrapped)
    opener = _telling(before, heard)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        scope: dict[str, Any] = {}
        exec("def opener(*given, **named): return 'opener'(*given, **named)", scope)  # noqa: S102
    shim = scope["opener"].__code__
    constants = tuple(opener if held == "opener" else held for held in shim.co_consts)
    function.__code__ = shim.replace(
        co_consts=constants,
        co_freevars=code.co_freevars,
        co_filename=code.co_filename,
        co_name=code.co_name,
    )
    if "__wrapped__" not in wrapped:
        # what asks for its signature
        function.__wrapped__ = before  # type: ignore[attr-defined]


class _Loading:
    """Wraps the readers of packages that are imported later."""

    def __init__(self, heard: Callable[[Sequence[Any]], None]) -> None:
        self._heard = heard

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name not in _READERS or name in _done:
            return None
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            if finder is self or find is None:
                continue
            spec: ModuleSpec | None = find(name, path, target)
            if spec is not None:
                self._follow(spec)
                return spec
        return None

    def _follow(self, spec: ModuleSpec) -> None:
        loader: Any = spec.loader
        execute = getattr(loader, "exec_module", None)
        if execute is None:
            return

        def executed(module: ModuleType) -> None:
            execute(module)
            _wrap(module, self._heard)

        loader.exec_module = executed


def _hear_environment(asked: Callable[[str], None]) -> None:
    kind = os._Environ
    get = kind.__getitem__

    @functools.wraps(get)
    def told(self: Any, key: Any) -> Any:
        if isinstance(key, str):
            asked(key)
        return get(self, key)

    kind.__getitem__ = told  # type: ignore[method-assign]
