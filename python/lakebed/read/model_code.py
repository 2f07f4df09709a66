"""`gen_datamodel_code`: a model for what is in a JSON or CSV file, as Python code to start from."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import count
from keyword import iskeyword
from typing import TYPE_CHECKING, Any

from lakebed.exceptions import DataChainParamsError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from lakebed.file import File
    from lakebed.read._arguments import PathLike

_ROWS = 1000
"""Values that tell the types."""

_FORMATS = ("json", "jsonl", "csv")

_TIMES = ("date", "datetime", "time", "timedelta")

_TAKEN = ("model_config", "model_fields", "model_computed_fields")
"""What models have themselves."""


def gen_datamodel_code(
    source_file: File | PathLike,
    format: str = "json",
    jmespath: str | None = None,
    model_name: str | None = None,
) -> str:
    """Python code of a model for the values in a file, to be edited and passed as `spec=`.

    The types are those of the first values. The last line binds `spec` to the model.

    Args:
        source_file: The file, or its path or URI.
        format: `json`, `jsonl` or `csv`.
        jmespath: What is wanted of each document or line, as for `read_json`.
        model_name: The name of the model.

    Raises:
        DataChainParamsError: The values are no objects, or the format or name is none.

    Examples:
        >>> import lakebed as dc, tempfile
        >>> file = dc.File.upload(b'[{"name": "cat", "class": 1}]', f"{tempfile.mkdtemp()}/a.json")
        >>> print(gen_datamodel_code(file, model_name="Pet"))
        from lakebed import DataModel
        from pydantic import Field
        <BLANKLINE>
        <BLANKLINE>
        class Pet(DataModel):
            name: str
            class_: int = Field(alias="class")
        <BLANKLINE>
        <BLANKLINE>
        spec = Pet
        <BLANKLINE>
    """
    name = model_name or f"Model{format.capitalize()}"
    if not name.isidentifier() or iskeyword(name):
        msg = f"model_name= is the name of a class, not `{name}`"
        raise DataChainParamsError(msg)
    if format not in _FORMATS:
        msg = f"unknown format `{format}`: use {', '.join(_FORMATS)}"
        raise DataChainParamsError(msg)
    values = list(_values(source_file, format, jmespath))
    if not values or not all(isinstance(value, dict) for value in values):
        other = next((value for value in values if not isinstance(value, dict)), None)
        what = "there are no values" if not values else f"`{other!r}` is none"
        msg = f"a model is made of objects: {what}; hint: choose them with `jmespath=`"
        raise DataChainParamsError(msg)
    code = _Code()
    code.model(name, values)
    return "\n\n\n".join([code.imports(), *code.classes, f"spec = {name}\n"])


def _values(source_file: File | PathLike, form: str, jmespath: str | None) -> Iterable[Any]:
    """The first values of the file."""
    from lakebed.file import File
    from lakebed.read.csv import read_csv
    from lakebed.read.json import raw_json

    path = source_file.get_uri() if isinstance(source_file, File) else source_file
    if form == "csv":
        chain = read_csv(path, source=False, nrows=_ROWS)
        return (dict(zip(chain.schema, row, strict=True)) for row in chain.to_iter())
    return raw_json(path, form, jmespath, _ROWS).limit(_ROWS).to_values("value")


@dataclass
class _Code:
    """Classes as text, those first that others name.

    Attributes:
        classes: The text of each.
        used: What is imported from elsewhere.
        names: The names of the classes.
    """

    classes: list[str] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)

    def imports(self) -> str:
        """What the classes need."""
        times = sorted(self.used.intersection(_TIMES))
        first = [f"from datetime import {', '.join(times)}\n"] if times else []
        field = ["from pydantic import Field"] if "Field" in self.used else []
        return "\n".join([*first, "from lakebed import DataModel", *field])

    def model(self, name: str, objects: list[dict[str, Any]]) -> None:
        """The class of objects, after those of objects in them."""
        self.names.add(name)
        lines: dict[str, str] = {}
        for key in dict.fromkeys(key for one in objects for key in one):
            values = [one[key] for one in objects if key in one]
            text = self.type(key, values)
            default = len(values) < len(objects) or None in values
            text = f"{text} | None" if default else text
            attribute = _free(_attribute(key), lines)
            if attribute != key:
                self.used.add("Field")
                before = "default=None, " if default else ""
                text += f' = Field({before}alias="{_escaped(key)}")'
            elif default:
                text += " = None"
            lines[attribute] = f"    {attribute}: {text}"
        self.classes.append("\n".join([f"class {name}(DataModel):", *lines.values()]))

    def type(self, key: str, values: list[Any]) -> str:
        """The type that all of the values fit."""
        there = [value for value in values if value is not None]
        kinds = {type(value) for value in there}
        if kinds == {dict} and any(there) and all(map(_is_name, (k for v in there for k in v))):
            name = _free(_camel(key), (*self.names, "Field", "DataModel"))
            self.model(name, there)
            return name
        if kinds == {list}:
            items = [item for value in there for item in value]
            item = self.type(_singular(key), items)
            return f"list[{item} | None]" if None in items else f"list[{item}]"
        names = sorted({kind.__name__ for kind in kinds} - ({"int"} if float in kinds else set()))
        self.used.update(names)
        # nothing tells the type of what is always missing
        return " | ".join(names) or "str"


def _free(name: str, taken: Collection[str]) -> str:
    """The name, with a number where it is taken."""
    numbered = (f"{name}_{number}" for number in count(2))
    return name if name not in taken else next(free for free in numbered if free not in taken)


def _is_name(key: str) -> bool:
    """Whether a key is a name and no value."""
    return key[:1].isalpha() or key[:1] == "_"


def _attribute(key: str) -> str:
    """A key as the name of an attribute, as `read_json` calls it."""
    name = re.sub(r"\W", "_", key)
    if iskeyword(name) or name in _TAKEN:
        return f"{name}_"
    return f"field_{name.lstrip('_')}" if name[:1] in "_0123456789" else name


def _singular(key: str) -> str:
    """The name of an item of what is called so, where that is easy."""
    if key.endswith("ies"):
        return f"{key[:-3]}y"
    return key[:-2] if key.endswith(("xes", "ches", "sses")) else key.removesuffix("s")


def _camel(key: str) -> str:
    words = re.split(r"[\W_]+", key)
    name = "".join(word[:1].upper() + word[1:] for word in words)
    return name if name.isidentifier() and not iskeyword(name) else f"Model{name}"


def _escaped(key: str) -> str:
    return key.replace("\\", "\\\\").replace('"', '\\"')
