"""The classes of errors: one root, stable codes, and the built-ins that users expect."""

from __future__ import annotations

import pickle

import pytest

from lakebed import exceptions
from lakebed.exceptions import BY_CODE, LakebedError, class_for

CLASSES = [
    c for c in vars(exceptions).values() if isinstance(c, type) and not issubclass(c, Warning)
]


def test_there_is_one_root_under_two_names() -> None:
    assert exceptions.DataChainError is LakebedError
    assert len(CLASSES) > 30
    assert all(issubclass(c, LakebedError) for c in CLASSES)


def test_every_error_shows_its_message_and_survives_pickling() -> None:
    for cls in CLASSES:
        error = pickle.loads(pickle.dumps(cls("no `x`", code="a.b")))  # noqa: S301
        assert (type(error), error.message, error.code) == (cls, "no `x`", "a.b")
        assert str(error) == "no `x`"


def test_errors_of_functions_that_users_make_name_their_class() -> None:
    error = exceptions.UdfError("no `x`")
    assert str(error) == str(pickle.loads(pickle.dumps(error))) == "UdfError: no `x`"  # noqa: S301


def test_errors_of_functions_carry_what_programs_read() -> None:
    error = exceptions.JsonSerializationError("bad", "col", "[1]")
    again = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert (again.column_name, again.value_repr) == ("col", "[1]")
    lost = exceptions.UdfRunError(ValueError("no"), stacktrace="Traceback", udf_name="f")
    again = pickle.loads(pickle.dumps(lost))  # noqa: S301
    assert (again.stacktrace, again.udf_name, str(again)) == ("Traceback", "f", "ValueError: no")
    assert str(exceptions.UdfRunError("no")) == "UdfRunError: no"
    assert str(exceptions.UdfRunError(exceptions.UdfRunError("no"))) == "UdfRunError: no"


@pytest.mark.parametrize(
    ("code", "name", "builtin"),
    [
        ("catalog.invalid_name", "InvalidDatasetNameError", ValueError),
        ("catalog.version_taken", "DatasetInvalidVersionError", ValueError),
        ("catalog.dataset_not_found", "DatasetNotFoundError", KeyError),
        ("catalog.commit_conflict", "LakebedError", Exception),
        ("engine.unknown_column", "SignalResolvingError", ValueError),
        ("engine.path_not_found", "MissingPathError", FileNotFoundError),
        ("engine.storage.read_only", "StorageError", OSError),
        ("engine.corrupt", "CorruptDataError", OSError),
        ("engine.not_supported", "NotSupportedError", NotImplementedError),
        ("engine.internal", "InternalError", RuntimeError),
        ("udf.function_failed", "UdfError", ValueError),
        ("sql.syntax", "SqlError", ValueError),
        ("other", "LakebedError", Exception),
    ],
)
def test_codes_have_classes(code: str, name: str, builtin: type[Exception]) -> None:
    cls = class_for(code)
    assert cls.__name__ == name
    assert issubclass(cls, builtin)


def test_the_table_names_prefixes_that_a_crate_owns() -> None:
    owners = {"catalog", "engine", "lakebed", "python", "sql", "udf"}
    assert {code.partition(".")[0] for code in BY_CODE} == owners
