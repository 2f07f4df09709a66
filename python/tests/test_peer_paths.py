"""Scripts of the peer find names under the paths that they import them from."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

import lakebed as dc
from lakebed import exceptions

PATHS = {
    "error": ["DatasetNotFoundError", "ClientError"],
    "diff": ["compare_and_split", "CompareStatus"],
    "func": ["sum", "count", "length", "ifelse", "cast"],
    "func.array": ["contains", "length"],
    "func.path": ["file_ext", "name"],
    "func.random": ["rand"],
    "func.string": ["length", "split"],
    "lib.data_model": ["DataModel", "DataType", "is_chain_type"],
    "lib.dc": ["DataChain", "Sys", "C", "read_values", "DatasetMergeError"],
    "lib.file": ["File", "FileError", "ImageFile", "VFile", "FileSlice"],
    "lib.model_store": ["ModelStore"],
    "lib.namespaces": ["create", "get", "ls", "delete_namespace"],
    "lib.projects": ["create", "get", "ls", "delete"],
    "lib.settings": ["SettingsError"],
    "lib.signal_schema": ["SignalResolvingError", "SignalSchema", "SignalSchemaWarning"],
    "lib.tar": ["process_tar"],
    "lib.udf": ["Mapper", "Generator", "Aggregator", "UdfError"],
    "lib.utils": ["AbstractUDF", "DataChainError", "DataChainParamsError"],
    "lib.webdataset": ["process_webdataset", "WDSBasic"],
    "lib.webdataset_laion": ["WDSLaion", "process_laion_meta"],
    "model": ["BBox", "OBBox", "Pose", "Pose3D", "Segment"],
    "model.ultralytics": ["YoloBBoxes", "YoloPoses", "YoloSegments"],
    "query": ["C", "Session"],
    "query.metrics": ["get", "set"],
    "query.params": ["param"],
    "query.schema": ["Column", "ColumnExpr"],
    "query.session": ["Session"],
    "toolkit": ["train_test_split"],
}


@pytest.mark.parametrize("path", PATHS)
def test_names_have_the_peers_paths(path: str) -> None:
    module = import_module(f"lakebed.{path}")
    assert [name for name in PATHS[path] if not hasattr(module, name)] == []


def test_paths_are_the_first_import() -> None:
    code = "from lakebed.lib.tar import process_tar; import lakebed.lib.file as f; print(f.File)"
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout == "<class 'lakebed.file.file.File'>\n"


def test_errors_are_an_attribute_of_the_package() -> None:
    from lakebed.exceptions import DatasetNotFoundError

    assert dc.error.DatasetNotFoundError is DatasetNotFoundError


def test_what_is_not_there_is_said() -> None:
    from lakebed.lib import file

    with pytest.raises(AttributeError, match="has no attribute `Nope`"):
        _ = file.Nope
    from lakebed import llm

    with pytest.raises(AttributeError, match="no functions of language models; call a client in"):
        llm.complete("text", "Summarize.")
    with pytest.raises(ModuleNotFoundError):
        import_module("lakebed.lib.nope")


def test_where_it_runs() -> None:
    assert dc.is_local()
    assert not dc.is_studio()


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (int, True),
        (list[dc.File], True),
        (dict[str, int], True),
        (int | None, True),
        (dc.Image, True),
        (object, False),
        (list[object], False),
        (3, False),
    ],
)
def test_types_of_columns(annotation: object, expected: bool) -> None:  # noqa: FBT001
    assert dc.is_chain_type(annotation) is expected


def test_parts_of_models_are_known() -> None:
    chain = dc.read_values(file=[dc.File(path="a")]).select("file.path")
    assert dc.ModelStore.is_partial(chain.schema["file"])
    assert not dc.ModelStore.is_partial(dc.File)


def test_models_find_what_they_name_later() -> None:
    class Early(dc.DataModel):
        later: Later

    class Later(dc.DataModel):
        x: int

    Early.__pydantic_parent_namespace__ = {"Later": Later}
    dc.ModelStore.rebuild_all()
    assert Early(later=Later(x=1)).later.x == 1


def test_errors_of_storage_have_the_peers_name() -> None:
    assert issubclass(exceptions.MissingPathError, exceptions.ClientError)
