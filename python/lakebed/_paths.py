"""Import paths that scripts of the peer use, such as `lakebed.lib.webdataset`.

Each is a module without a file, which finds its names where they are defined.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

_HOMES = {
    "error": ("exceptions",),
    "lib": (),
    "lib.audio": ("file.audio",),
    "lib.arrow": ("file.arrow_row",),
    "lib.data_model": ("models",),
    "lib.dataset_info": ("catalog",),
    "lib.dc": ("", "exceptions"),
    "lib.file": ("file", "exceptions"),
    "lib.image": ("file.image",),
    "lib.listing_info": ("catalog",),
    "lib.meta_formats": ("read.model_code",),
    "lib.model_store": ("models",),
    "lib.namespaces": ("namespaces",),
    "lib.projects": ("projects",),
    "lib.settings": ("_settings", "exceptions"),
    "lib.signal_schema": ("_schema", "exceptions"),
    "lib.tar": ("file.tar",),
    "lib.text": ("file.text",),
    "lib.udf": ("udf", "exceptions"),
    "lib.utils": ("exceptions", "udf"),
    "lib.video": ("file.video",),
    "lib.webdataset": ("file.webdataset", "exceptions"),
    "lib.webdataset_laion": ("file.laion",),
    "lib.zarr": ("file.zarr_store",),
    "llm": (),
    "query": ("session", "expr"),
    "query.metrics": ("metrics",),
    "query.params": ("params",),
    "query.schema": ("expr",),
    "query.session": ("session",),
}

_INSTEAD = {
    "lib.meta_formats": "read_json() and read_csv() find the types themselves",
    "llm": "there are no functions of language models; call a client in map(), made by setup()",
}
"""What to do without names that are not here."""


class _Path(ModuleType):
    """Looks names up in other modules, when they are asked for."""

    def __getattr__(self, name: str) -> Any:
        path = self.__name__.partition(".")[2]
        if not name.startswith("__"):
            for home in _HOMES[path]:
                module = import_module(f"lakebed.{home}".rstrip("."))
                if hasattr(module, name):
                    return getattr(module, name)
        hint = f"; hint: {_INSTEAD[path]}" if path in _INSTEAD else ""
        msg = f"module `{self.__name__}` has no attribute `{name}`{hint}"
        raise AttributeError(msg, name=name, obj=self)


def register() -> None:
    """Make the paths known to `import`."""
    for path in sorted(_HOMES):
        module = _Path(f"lakebed.{path}", "Names that are defined elsewhere in `lakebed`.")
        module.__path__ = []
        sys.modules[module.__name__] = module
    # `import lakebed.error` finds a module that is known already, and makes it no attribute
    vars(sys.modules["lakebed"])["error"] = sys.modules["lakebed.error"]
