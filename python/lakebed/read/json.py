"""`read_json`: values in JSON documents, or in files with a value on each line."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from lakebed._client_config import options_of
from lakebed._schema import spec_of
from lakebed.chain import DataChain, chain_of
from lakebed.exceptions import DataChainParamsError, NotSupportedError
from lakebed.read._arguments import PathLike, paths_of, refuse
from lakebed.session import Session

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import BaseModel
    from pydantic.fields import FieldInfo

    from lakebed._schema import Spec

_FORMATS = ("json", "jsonl")

_ANY: Spec = {"kind": "json", "annotation": "Any", "nullable": True}

_PLAIN_KINDS = ("int", "float", "str", "bool", "datetime")
"""What the engine reads as Pydantic does."""


def read_json(  # noqa: PLR0917  the peer's order
    path: PathLike | Sequence[PathLike],
    type: str = "text",
    spec: Any = None,
    schema_from: PathLike | None = "auto",
    jmespath: str | None = None,
    column: str | None = "",
    model_name: str | None = None,
    format: str | None = "json",
    nrows: int | None = None,
    *,
    session: Session | None = None,
    settings: Mapping[str, Any] | None = None,
    in_memory: bool = False,
    anon: bool | None = None,
    recursive: bool = True,
    update: bool = False,  # noqa: ARG001
    client_config: Mapping[str, Any] | None = None,
    **others: Any,
) -> DataChain:
    """Values in JSON files as one column: objects are models, their keys the fields.

    Without `spec`, types are those of a sample: the first values of several files, of lines also
    some from all over a file. Whole numbers among others widen, kinds that have nothing in common
    are kept as a union, a key that a row lacks is null, and one that is no name gets one
    (`_id` is `field_id`). A value or key that does not fit is an error that says where it is.

    Lists and lines are read piece by piece; files packed with gzip are read too.

    Args:
        path: Files, folders (what ends with `.json`, `.jsonl` or `.ndjson` in them) or globs, as
            for `read_storage`.
        type: How the peer opens files; has no effect.
        spec: The type of the values: a model, or any other type of a column. Keys that it does
            not have are left out.
        schema_from: Files that are looked at for the types, instead of those that are read.
        jmespath: What is wanted of each document or line, as `key1.key2` or `items[].name`. What
            it does not find gives no row.
        column: The column's name; else the first name of `jmespath`, else the format.
        model_name: The name of the model that is made of objects.
        format: `json`: a file is one value, the items of a list are rows. `jsonl`: each line is
            a row.
        nrows: At most so many rows of each file.
        session: Where to save; see `Session`.
        settings: As for `chain.settings()`.
        in_memory: Use a session in memory.
        anon: As for `read_storage`.
        recursive: Also files in folders below.
        update: Files are looked up at each call, so both values do the same.
        client_config: As for `read_storage`.
        others: Other options of the peer, refused with a reason.

    Raises:
        DataChainParamsError: An argument is not what is accepted.
        FileNotFoundError: There is no such file.

    Examples:
        >>> from tempfile import NamedTemporaryFile
        >>> import lakebed as dc
        >>> with NamedTemporaryFile("w", suffix=".json") as file:
        ...     print('{"pets": [{"name": "cat"}, {"name": "dog"}]}', file=file, flush=True)
        ...     dc.read_json(file.name, jmespath="pets").to_values("pets.name")
        ['cat', 'dog']
    """
    from lakebed.file import type_for

    type_for(type)
    refuse("read_json", **others)
    form = _checked(format, nrows)
    name = column or _first_name(jmespath) or form
    paths, options = paths_of(path), options_of(client_config, anon=anon)
    given = spec_of(spec, "spec=") if spec is not None else None
    held = Session.get(session, in_memory=in_memory)

    def read(kind: Any, name: str = name) -> DataChain:
        asked = ((paths, recursive), form, jmespath, nrows, (name, kind))
        native = held._native.read_json(asked, options)
        return chain_of(native, held, settings)

    if given is None:
        samples = _samples(schema_from)
        return read((samples, _class_name(model_name or f"Model{form.capitalize()}")))
    if not _is_plain(given):
        text = f"{name}_text"
        return _validated(read((_ANY, {}, {}), text), text, name, spec)
    keys: dict[str, list[str]] = {}
    defaults: dict[str, str] = {}
    _note(given, "", keys, defaults)
    return read((given, keys, defaults))


def raw_json(path: PathLike, form: str, jmespath: str | None, nrows: int) -> DataChain:
    """The values as they are, in the column `value`."""
    held = Session.get()
    asked = ((paths_of(path), True), _checked(form, nrows), jmespath, nrows)
    return chain_of(held._native.read_json((*asked, ("value", (_ANY, {}, {}))), {}), held)


def _checked(form: str | None, nrows: int | None) -> str:
    if form == "csv":
        msg = "format `csv` is not read by read_json; hint: use `read_csv`"
        raise NotSupportedError(msg)
    if form not in _FORMATS:
        msg = f"unknown format `{form}`: use `json` or `jsonl`"
        raise DataChainParamsError(msg)
    if nrows is not None and (isinstance(nrows, bool) or not isinstance(nrows, int) or nrows < 0):
        msg = f"nrows= is a number of rows, not `{nrows!r}`"
        raise DataChainParamsError(msg)
    return form


def _first_name(jmespath: str | None) -> str:
    found = re.match(r"\w+", jmespath or "")
    return found.group() if found else ""


def _class_name(name: str) -> str:
    if not name.isidentifier():
        msg = f"model_name= is the name of a class, not `{name}`"
        raise DataChainParamsError(msg)
    return name


def _samples(schema_from: PathLike | None) -> list[str] | None:
    """Where a sample is, unless in the files themselves."""
    if schema_from is None:
        msg = "schema_from=None takes the types from nowhere; hint: give them with `spec=`"
        raise DataChainParamsError(msg)
    return None if schema_from == "auto" else paths_of(schema_from)


# Types that are given


def _is_plain(spec: Spec) -> bool:
    """Whether the engine reads it as Pydantic would: no code of the user's, no bounds."""
    match spec["kind"]:
        case "list":
            return _is_plain(spec["item"])
        case "json":
            return spec["adapter"] is None
        case "model":
            from lakebed._types.model_spec import is_plain

            fields = spec["cls"].model_fields
            return (
                is_plain(spec["cls"])
                and not spec["cls"].model_config.get("strict")
                and all(_is_plain(field) for _, field in spec["fields"])
                and all(_keys_of(spec["cls"], name) for name in fields)
                and all(_default_text(field) is not None for field in fields.values())
            )
        case kind:
            return kind in _PLAIN_KINDS and not spec.get("annotation")


def _note(spec: Spec, path: str, keys: dict[str, list[str]], defaults: dict[str, str]) -> None:
    """Write down under which keys the fields of models are, and what they are without."""
    if spec["kind"] == "list":
        _note(spec["item"], path, keys, defaults)
    if spec["kind"] != "model":
        return
    for name, below in spec["fields"]:
        place = f"{path}.{name}" if path else name
        keys[place] = _keys_of(spec["cls"], name)
        if default := _default_text(spec["cls"].model_fields[name]):
            defaults[place] = default
        _note(below, place, keys, defaults)


def _keys_of(cls: type[BaseModel], name: str) -> list[str]:
    """The keys under which a model finds a field; none where they are no names."""
    from pydantic import AliasChoices

    config, alias = cls.model_config, cls.model_fields[name].validation_alias
    if alias is None:
        return [name]
    aliases = alias.choices if isinstance(alias, AliasChoices) else [alias]
    if not all(isinstance(one, str) for one in aliases):
        return []
    by_alias = config.get("validate_by_alias", True)
    by_name = config.get("populate_by_name") or config.get("validate_by_name")
    return [*(str(one) for one in aliases if by_alias), *([name] if by_name else [])]


def _default_text(field: FieldInfo) -> str | None:
    """The default as JSON; empty where there is none, None where it cannot be written."""
    if field.is_required():
        return ""
    if field.default_factory not in (None, list):
        return None
    from pydantic_core import PydanticSerializationError, to_json

    try:
        return to_json([] if field.default_factory else field.default).decode()
    except PydanticSerializationError:
        return None


def _validated(chain: DataChain, text: str, name: str, annotation: Any) -> DataChain:
    """The values as Pydantic reads them, which is asked for each one."""
    from pydantic import TypeAdapter

    adapter = TypeAdapter(annotation)

    def read_json(value: Any) -> Any:
        return adapter.validate_json(json.dumps(value))

    return chain.map(read_json, params=[text], output={name: annotation}).select(name)
