"""The leaf columns of a chain as columns of a database table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lakebed._columns import find, known_paths, leaf_specs, resolved
from lakebed._hint import unknown_column
from lakebed.exceptions import DataChainParamsError, NotSupportedError, SignalResolvingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from lakebed._native import Chain
    from lakebed._schema import Spec

_AS_JSON = ("json", "list", "tuple", "set", "map", "vector", "model")


@dataclass(frozen=True)
class Target:
    """Where a leaf of the chain goes.

    Attributes:
        path: The leaf, with dots.
        name: The column of the table.
        spec: The type of the values.
    """

    path: str
    name: str
    spec: Spec


def targets_of(native: Chain, mapping: Mapping[str, str | None] | None) -> list[Target]:
    """The columns to write, in order.

    Args:
        native: The chain.
        mapping: Names by column or field; None leaves it out. A `defaultdict` decides about
            those that it does not have.

    Raises:
        SignalResolvingError: The mapping has a column that does not exist.
        DataChainParamsError: Two columns would get one name, or none is left.
    """
    columns = [(name, spec) for name, spec in resolved(native) if name != "sys"]
    chosen = _chosen(dict(columns), mapping or {})
    targets: dict[str, Target] = {}
    for path, spec in leaf_specs(columns):
        name = chosen(path)
        if name is None:
            continue
        target = Target(".".join(path), name, spec)
        other = targets.setdefault(name, target)
        if other is not target:
            msg = f"Column mapping collision: `{other.path}` and `{target.path}` are both `{name}`"
            raise DataChainParamsError(msg)
    if not targets:
        msg = "column_mapping= leaves no column to write"
        raise DataChainParamsError(msg)
    return list(targets.values())


def names_in_table(
    columns: Iterable[str], targets: list[Target], mapping: Mapping[str, str | None] | None
) -> list[str]:
    """The table's names of columns that are named as in the chain, or as in the table."""
    of_path = {_flat(target.path): target.name for target in targets}
    renamed = {_flat(key) for key in mapping or {}}
    names = []
    for column in columns:
        # a name of the chain goes first, unless a column was renamed to it
        name = of_path.get(_flat(column))
        if name is None and _flat(column) not in renamed and column in of_path.values():
            name = column
        if name is None:
            msg = unknown_column(column, [target.path for target in targets], "conflict_columns")
            raise SignalResolvingError(msg)
        names.append(name)
    return names


def _chosen(
    columns: dict[str, Spec], mapping: Mapping[str, str | None]
) -> Callable[[tuple[str, ...]], str | None]:
    names: dict[str, str | None] = {}
    keys: dict[str, str] = {}
    for key, name in mapping.items():
        found = find(columns, key)
        if found is None:
            raise SignalResolvingError(unknown_column(key, known_paths(columns.items())))
        flat = "__".join(found[0])
        if flat in names:
            msg = f"Column mapping collision: `{keys[flat]}` and `{key}` are the same column"
            raise DataChainParamsError(msg)
        if found[1]["kind"] == "model":
            msg = f"column_mapping= is for fields, and `{key}` is a model: name its fields"
            raise DataChainParamsError(msg)
        names[flat], keys[flat] = name, key
    default = getattr(mapping, "default_factory", None)

    def name_of(path: tuple[str, ...]) -> str | None:
        flat = "__".join(path)
        if flat in names:
            return names[flat] or None
        return default() if default is not None else flat

    return name_of


def _flat(path: str) -> str:
    return path.replace(".", "__")


def sql_type(target: Target) -> Any:
    """SQLAlchemy's type for the values of a column."""
    import sqlalchemy as sa

    spec = target.spec
    kind = spec["item"]["kind"] if spec["kind"] == "enum" else spec["kind"]
    if kind == "decimal":
        from lakebed._database.sqlite import numeric_of_text

        exact = sa.Numeric(spec["precision"], spec["scale"])
        return exact.with_variant(numeric_of_text(), "sqlite")
    types: dict[str, Any] = {
        "int": sa.BigInteger(),
        "float": sa.Double(),
        "str": sa.Text(),
        "null": sa.Text(),
        "bool": sa.Boolean(),
        "bytes": sa.LargeBinary(),
        "datetime": sa.DateTime(timezone=True),
        "date": sa.Date(),
        "time": sa.Time(),
        "timedelta": sa.Interval(),
        "uuid": sa.Uuid(),
        **dict.fromkeys(_AS_JSON, sa.JSON(none_as_null=True)),
    }
    if kind not in types:
        msg = f"column `{target.path}` has a type that databases have not; hint: leave it out"
        raise NotSupportedError(msg)
    return types[kind]


def written(spec: Spec) -> Callable[[Any], Any] | None:
    """How values become those of a driver; None where they are."""
    if spec["kind"] == "enum":
        return lambda value: None if value is None else value.value
    if spec["kind"] not in _AS_JSON:
        return None
    from pydantic_core import to_jsonable_python

    return lambda value: to_jsonable_python(value, bytes_mode="base64")
