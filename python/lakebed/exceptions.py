"""Every error that lakebed raises: one root, the names users of the peer know.

Catch `LakebedError` for all of them. Each instance carries `code`, a stable dotted
identifier such as `catalog.dataset_not_found`. Where Python has a built-in for the
situation, the class inherits it too, so `except FileNotFoundError` works as expected.

`class_for` maps the native engine's codes to these classes.
"""

from __future__ import annotations


class LakebedError(Exception):
    """The root of all errors raised by lakebed.

    Attributes:
        code: Stable identifier for programs; never reworded once released.
        message: What went wrong.
    """

    code: str = "lakebed.error"

    def __init__(self, message: str = "", *, code: str | None = None) -> None:
        """Make the error; `code` overrides the class's own."""
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code

    def __str__(self) -> str:
        """The message itself (a plain `KeyError` would show its repr)."""
        return str(self.args[0]) if self.args else ""


DataChainError = LakebedError
"""The root under the name that users of the peer catch."""


# Catalog: names, versions and what they point to


class NotFoundError(LakebedError, KeyError):
    """Something named in the catalog does not exist."""

    code = "catalog.not_found"


class NamespaceNotFoundError(NotFoundError):
    """There is no namespace of this name."""

    code = "catalog.namespace_not_found"


class ProjectNotFoundError(NotFoundError):
    """There is no project of this name."""

    code = "catalog.project_not_found"


class DatasetNotFoundError(NotFoundError):
    """There is no dataset of this name."""

    code = "catalog.dataset_not_found"


class DatasetVersionNotFoundError(DatasetNotFoundError):
    """The dataset exists, but not in this version."""

    code = "catalog.version_not_found"


class JobNotFoundError(NotFoundError):
    """There is no job with this identifier."""

    code = "catalog.job_not_found"


class CheckpointNotFoundError(NotFoundError):
    """There is no such checkpoint."""

    code = "catalog.checkpoint_not_found"


class OutOfMemoryError(LakebedError, MemoryError):
    """A step needs more memory than the session may use."""

    code = "engine.out_of_memory"


class NotAllowedError(LakebedError, PermissionError):
    """The catalog refuses the operation, for example on a protected name."""

    code = "catalog.not_allowed"


class NamespaceCreateNotAllowedError(NotAllowedError):
    """This namespace may not be created."""


class NamespaceDeleteNotAllowedError(NotAllowedError):
    """This namespace may not be deleted."""


class ProjectCreateNotAllowedError(NotAllowedError):
    """This project may not be created."""


class ProjectDeleteNotAllowedError(NotAllowedError):
    """This project may not be deleted."""


class InvalidDatasetNameError(LakebedError, ValueError):
    """The text is no legal dataset name."""

    code = "catalog.invalid_name"


class InvalidNamespaceNameError(InvalidDatasetNameError):
    """The text is no legal namespace name."""


class InvalidProjectNameError(InvalidDatasetNameError):
    """The text is no legal project name."""


class DatasetInvalidVersionError(LakebedError, ValueError):
    """The version is malformed, taken, or not higher than the latest one."""

    code = "catalog.invalid_version"


# Calls: parameters, columns and types


class DataChainParamsError(LakebedError, ValueError):
    """The call has the wrong shape or an argument is out of range."""

    code = "engine.invalid_argument"


class ArgumentTypeError(DataChainParamsError, TypeError):
    """An argument is of a type that the call does not take."""

    code = "python.argument_type"


class DataChainColumnError(DataChainParamsError):
    """A column cannot be made or used this way."""

    code = "engine.invalid_expression"


class SettingsError(DataChainParamsError):
    """A setting is unknown, of the wrong type or out of range."""

    code = "python.settings"


class SignalSchemaError(DataChainParamsError):
    """A type cannot be stored, or stored data does not fit a class."""

    code = "python.schema"


class SignalResolvingError(DataChainParamsError):
    """A column was named that does not exist or is of another type."""

    code = "engine.unknown_column"


class SignalResolvingTypeError(SignalResolvingError, TypeError):
    """A column was expected, something else was given."""

    code = "python.column_type"


class SignalRemoveError(SignalSchemaError):
    """A column to remove does not exist."""

    code = "python.remove_column"


class SetupError(DataChainParamsError):
    """A setup value is not callable, or its call failed."""

    code = "python.setup"


class ValuesToTupleError(DataChainParamsError):
    """Python values do not form columns: unequal lengths or mixed types."""

    code = "python.values"


class DatasetPrepareError(DataChainParamsError):
    """Input could not be prepared, for example names that are no columns."""

    code = "python.prepare"


class DatasetFromValuesError(DataChainParamsError):
    """A dataset could not be made from the given values."""

    code = "python.from_values"


class DatasetMergeError(DataChainParamsError):
    """The keys of a merge are missing, of the wrong type or unequal in number."""

    code = "engine.merge"


class UnionSchemaMismatchError(DataChainParamsError):
    """Two chains with different columns cannot be united."""

    code = "engine.union_mismatch"


class SchemaDriftError(DataChainParamsError):
    """A delta update no longer fits the columns of the previous version."""

    code = "engine.schema_drift"


class SqlError(LakebedError, ValueError):
    """The SQL text is wrong."""

    code = "sql.error"


# User functions


class UdfSignatureError(DataChainParamsError):
    """A function's parameters or outputs cannot be understood."""

    code = "udf.signature"


class UdfError(DataChainParamsError):
    """A function failed, or returned a value that does not fit its type or what is kept."""

    code = "udf.error"

    def __str__(self) -> str:
        """The message; behind the class's name in an error that users make, without a code."""
        message = super().__str__()
        return message if "code" in vars(self) else f"{type(self).__name__}: {message}"


class JsonSerializationError(UdfError):
    """A function returned a value that cannot be written as JSON.

    Attributes:
        column_name: The column that it was for.
        value_repr: The value, as text.
    """

    def __init__(
        self, message: str = "", column_name: str = "", value_repr: str = "", **code: str | None
    ) -> None:
        """Make the error; `code=` overrides the class's own."""
        super().__init__(message, **code)
        self.column_name = column_name
        self.value_repr = value_repr


class UdfRunError(UdfError):
    """A function failed in another process, with an exception that exists only there.

    Attributes:
        error: The exception, or its text.
        stacktrace: Its traceback.
        udf_name: The function's name.
    """

    def __init__(
        self,
        error: Exception | str = "",
        stacktrace: str | None = None,
        udf_name: str | None = None,
        **code: str | None,
    ) -> None:
        """Make the error; `code=` overrides the class's own."""
        super().__init__(str(error), **code)
        self.error = error
        self.stacktrace = stacktrace
        self.udf_name = udf_name

    def __str__(self) -> str:
        """The class of the exception and its message."""
        if isinstance(self.error, UdfRunError):
            return str(self.error)
        if isinstance(self.error, str):
            return super().__str__()
        return f"{type(self.error).__name__}: {self.message}"


# Files, storage and ourselves


class StorageError(LakebedError, OSError):
    """The storage refused: a read-only root, a full disk, no permission."""

    code = "engine.storage"


ClientError = StorageError
"""The name that users of the peer catch."""


class MissingPathError(StorageError, FileNotFoundError):
    """A file or folder does not exist."""

    code = "engine.path_not_found"


class CorruptDataError(StorageError):
    """Stored data is damaged and cannot be read."""

    code = "engine.corrupt"


class FileError(LakebedError, OSError):
    """A file cannot be used: not an image, an unsafe path, an unknown format."""

    code = "python.file"


class MissingFileError(FileError, FileNotFoundError):
    """A file that a `File` points to does not exist."""

    code = "python.file_not_found"


class ExistingFileError(FileError, FileExistsError):
    """A file that was to be created exists already."""

    code = "python.file_exists"


class FileChangedError(FileError):
    """A file is no longer the one that its row was made of."""

    code = "python.file_changed"


class VFileError(FileError):
    """A file inside of another cannot be used so: it is not known where, or it is only read."""

    code = "python.virtual_file"


class WDSError(FileError):
    """An archive is not the WebDataset that its specification describes."""

    code = "python.webdataset"


class CoreFileDuplicationError(WDSError):
    """A sample has several files with core extensions."""


class CoreFileNotFoundError(WDSError):
    """A sample has no file with a core extension."""


class UnknownFileExtensionError(WDSError):
    """A sample has a file that the specification has no field for."""


class EphemeralError(LakebedError, RuntimeError):
    """A chain that keeps nothing was asked to keep something."""

    code = "python.ephemeral"


class NotSupportedError(LakebedError, NotImplementedError):
    """The request is understood but not available."""

    code = "engine.not_supported"


class InternalError(LakebedError, RuntimeError):
    """A bug in lakebed; bad input cannot cause it."""

    code = "lakebed.internal"


class SignalSchemaWarning(RuntimeWarning):
    """For filters of warnings in scripts of the peer; what it was for is an error here."""


BY_CODE: dict[str, type[LakebedError]] = {
    "catalog": LakebedError,
    "catalog.version_taken": DatasetInvalidVersionError,
    "catalog.store": StorageError,
    "catalog.corrupt": CorruptDataError,
    "engine": LakebedError,
    "engine.column_exists": DataChainColumnError,
    "engine.value": DataChainColumnError,
    "engine.file_changed": FileChangedError,
    "sql": SqlError,
    "udf": UdfError,
} | {
    given.code: given
    for given in list(vars().values())
    if isinstance(given, type) and issubclass(given, LakebedError) and "code" in vars(given)
}
"""Dotted code prefixes of the native engine and the class each one raises."""


def class_for(code: str) -> type[LakebedError]:
    """The class for a native error code, by its longest known dotted prefix.

    Examples:
        >>> class_for("udf.function_failed").__name__
        'UdfError'
        >>> class_for("sql.internal").__name__
        'InternalError'
    """
    if code.rpartition(".")[2] == "internal":
        return InternalError
    prefix = code
    while prefix:
        if prefix in BY_CODE:
            return BY_CODE[prefix]
        prefix = prefix.rpartition(".")[0]
    return LakebedError
