"""What a statement of SQL is given beside its text: values, chains, files, functions."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Any, cast

from lakebed.chain import DataChain
from lakebed.exceptions import DataChainParamsError, NotSupportedError, ValuesToTupleError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lakebed._native import Chain, Function
    from lakebed._schema import Spec
    from lakebed.session import Session

Given = dict[str, Any]
Named = tuple[str, "Spec"]

ENDINGS = ".parquet, .csv, .tsv, .json, .jsonl or .ndjson"


def given(
    files: Sequence[str], values: Sequence[Any], named: Mapping[str, Any], session: Session
) -> Given:
    """The arguments of a call as the engine takes them.

    Args:
        files: The paths that stand as tables in the text.
        values: Those of `$1`, `$2` and so on.
        named: Chains by the names of tables, and values by those of parameters.
        session: Whose functions and files are meant.
    """
    tables = {name: one._native for name, one in named.items() if isinstance(one, DataChain)}
    constants = {name: one for name, one in named.items() if name not in tables}
    return {
        "places": [_typed(value, f"${at}") for at, value in enumerate(values, 1)],
        "names": [(name, *_typed(value, f"${name}")) for name, value in constants.items()],
        "tables": tables,
        "files": {path: _opened(path, session)._native for path in files},
        "functions": [
            (name, spec, _stage_of(func, spec, session))
            for name, (func, spec) in session._functions.items()
        ],
    }


def _typed(value: Any, name: str) -> tuple[Any, Spec]:
    from lakebed._schema import infer_spec
    from lakebed.expr import _plain

    if isinstance(value, DataChain):
        msg = f"the chain for `{name}` is a table: give it by a name, as sql(…, t=chain)"
        raise DataChainParamsError(msg)
    value = _plain(value)
    try:
        return value, infer_spec([value], f"the parameter `{name}`")
    except ValuesToTupleError as error:
        raise DataChainParamsError(str(error)) from error


def _opened(path: str, session: Session) -> DataChain:
    """The rows of a file, its columns as they are there."""
    from lakebed.read.csv import read_csv
    from lakebed.read.json import read_json
    from lakebed.read.parquet import read_parquet

    name = path.removesuffix(".gz")
    ending = PurePath(name).suffix.lower()
    if ending == ".parquet":
        return read_parquet(path, source=False, session=session)
    if ending in {".csv", ".tsv"}:
        delimiter = "\t" if ending == ".tsv" else None
        return read_csv(path, delimiter, source=False, session=session)
    if ending in {".json", ".jsonl", ".ndjson"}:
        form = "json" if ending == ".json" else "jsonl"
        return _flat(read_json(path, format=form, session=session))
    msg = f"a file that is a table ends with {ENDINGS}, not `{path}`"
    raise NotSupportedError(msg)


def _flat(chain: DataChain) -> DataChain:
    """The fields of the one column as columns."""
    [(name, spec)] = chain._native.schema()
    if spec["kind"] != "model":
        return chain
    fields = [field for field, _ in spec["fields"]]
    return chain._with(chain._native.shaped([(field, None, [[name, field]]) for field in fields]))


def written(chain: DataChain, target: str, form: str | None) -> DataChain:
    """Write the rows of `COPY … TO` into a file; where it is.

    Raises:
        NotSupportedError: There is no such format.
    """
    from lakebed.read.values import read_values

    form = (form or PurePath(target).suffix.removeprefix(".")).lower()
    if form == "parquet":
        chain.to_parquet(target)
    elif form in {"csv", "tsv"}:
        chain.to_csv(target, "," if form == "csv" else "\t")
    elif form == "json":
        chain.to_json(target)
    elif form in {"jsonl", "ndjson"}:
        chain.to_jsonl(target)
    else:
        msg = f"COPY writes {ENDINGS}, not `{target}`; hint: STORED AS says the format"
        raise NotSupportedError(msg)
    return read_values(path=[target], session=chain.session)


def spec_of_result(name: str, func: Any, output: Any) -> Spec:
    """The type of what a function gives, which may be missing.

    Raises:
        UdfSignatureError: It is not annotated, or gives several values.
    """
    from lakebed._udf.hints import hints_of
    from lakebed._udf.outputs import outputs_of
    from lakebed._udf.signature import _check_callable, _target, callable_name
    from lakebed._udf.verb import MAP
    from lakebed.exceptions import UdfSignatureError

    _check_callable(MAP, func)
    outputs = outputs_of(MAP, name, callable_name(func), output, hints_of(_target(func)))
    if outputs.types == "infer":
        msg = f"`{name}` does not say what it gives; hint: annotate it, or say output=str"
        raise UdfSignatureError(msg)
    if outputs.multi or len(outputs.names) != 1:
        msg = f"`{name}` gives several values: a function in SQL gives one"
        raise UdfSignatureError(msg)
    [(_, spec)] = outputs.types
    return spec | {"nullable": True}


class _Columns:
    """The arguments of a call, as `Stages` reads the columns of a chain."""

    def __init__(self, columns: list[Named]) -> None:
        self.columns = columns

    def schema(self) -> list[Named]:
        return self.columns


def _stage_of(
    func: Any, spec: Spec, session: Session
) -> Callable[[list[Named], str], tuple[Function, dict[str, Any]]]:
    """What makes a stage of a function once its arguments have types."""
    from lakebed._settings import Settings
    from lakebed._udf.signature import UdfArguments, UdfSignature, signatures_of
    from lakebed._udf.stages import Stages
    from lakebed._udf.verb import MAP

    def stage(arguments: list[Named], result: str) -> tuple[Function, dict[str, Any]]:
        from dataclasses import replace

        settings = Settings()
        stages = Stages(cast("Chain", _Columns(arguments)), {}, settings, session._records)
        names = [name for name, _ in arguments]
        asked = UdfArguments(func, names, {result: str}, {})
        signature: UdfSignature
        [signature] = signatures_of(MAP, asked, stages.columns)
        outputs = replace(signature.outputs, types=[(result, spec)])
        made, _ = stages._stage(MAP, replace(signature, outputs=outputs))
        return made, settings.udf_options(is_async=signature.is_async)

    return stage
