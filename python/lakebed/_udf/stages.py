"""`map`, `gen`, `agg` and `map_batches`: from user functions to stages of the plan.

What is called with what, and giving what, is read from signatures by `signature.py`.
Where that leaves the types open, `sample.py` calls the function on the first rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lakebed._columns import find, readable, resolved
from lakebed._fingerprint import code_of
from lakebed._hint import unknown_column
from lakebed._native import Function
from lakebed._types.resolve import read_as
from lakebed._udf import state
from lakebed._udf.contents import files_of, settings_for
from lakebed._udf.partition import Partition
from lakebed._udf.sample import Sample, sampled
from lakebed._udf.ship import own_modules
from lakebed._udf.signature import UdfArguments, UdfSignature, signatures_of
from lakebed._udf.verb import AGG, GEN, MAP, MAP_BATCHES, Verb
from lakebed.exceptions import (
    DataChainColumnError,
    DataChainParamsError,
    SignalResolvingError,
    UdfSignatureError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lakebed._native import Chain
    from lakebed._schema import Spec
    from lakebed._settings import Settings
    from lakebed._udf.once import Once

Keep = bool | str | list[str] | tuple[str, ...] | None
"""Which input columns stand beside the results."""


class Stages:
    """Adds stages to a chain.

    Args:
        native: What the functions read.
        setup: The values that functions may take beside columns.
        settings: How they run.
        root: Where it is written down what they read.

    Attributes:
        names: The stages that were added.
        specs: What the native functions were made of.
    """

    def __init__(
        self, native: Chain, setup: Mapping[str, Once], settings: Settings, root: str
    ) -> None:
        self.root = root
        self.native = native
        self.setup = setup
        self.settings = settings
        self.columns: dict[str, Spec] = dict(resolved(native))
        self.names: list[str] = []
        self.specs: list[dict[str, Any]] = []
        self.contents: dict[str, str] = {}

    def map(self, arguments: UdfArguments) -> Chain:
        """The chain with the outputs of the functions added."""
        for signature in signatures_of(MAP, arguments, self.columns, self.setup):
            self._check_new(signature)
            stage, outputs = self._stage(MAP, signature)
            options = self._options(signature)
            self.native = self.native.map(stage, options)
            self.columns.update(outputs)
        return self._visible(self.native)

    def map_batches(self, arguments: UdfArguments) -> Chain:
        """The chain with the columns that a function makes of whole columns."""
        [signature] = signatures_of(MAP_BATCHES, arguments, self.columns, self.setup)
        self._check_new(signature)
        stage, outputs = self._stage(MAP_BATCHES, signature)
        options = self._options(signature)
        self.columns.update(outputs)
        return self._visible(self.native.map(stage, options))

    def gen(self, arguments: UdfArguments, keep: Keep) -> Chain:
        """A chain of the results, with the kept columns of the rows they came from."""
        [signature] = signatures_of(GEN, arguments, self.columns, self.setup)
        everything = [name for name in self.columns if name != "sys"]
        paths = self._kept(keep, everything, signature.outputs.names)
        stage, outputs = self._stage(GEN, signature)
        options = self._options(signature)
        made = self.native.gen(stage, options, _roots(paths))
        return _narrowed(made, paths, outputs)

    def agg(self, arguments: UdfArguments, partition_by: Any, keep: Keep) -> Chain:
        """A chain of the results for groups, with the kept values of their first rows."""
        [signature] = signatures_of(AGG, arguments, self.columns, self.setup)
        groups = Partition(self.columns, partition_by)
        paths = self._kept(keep, groups.paths, signature.outputs.names, groups.computed)
        stage, outputs = self._stage(AGG, signature, groups)
        options = self._options(signature)
        made = self.native.agg(stage, options, groups.keys, _roots(paths))
        return _narrowed(made, paths, outputs)

    # How a stage is run

    def _options(self, signature: UdfSignature) -> dict[str, Any]:
        options = self.settings.udf_options(is_async=signature.is_async)
        if self.settings.by_content and not self.settings.ephemeral:
            found = files_of(signature, self.columns)
            options["contents"] = [(at, self._content(path, digest)) for at, path, digest in found]
        return options

    def _content(self, path: str, digest: Callable[[Any], str | None]) -> str:
        """The column with the digests of files, which only results are found by."""
        if path not in self.contents:
            name = f"_content_{len(self.contents)}"
            while name in self.columns:
                name += "_"
            own = Stages(self.native, {}, settings_for(self.settings), self.root)
            self.native = own.map(UdfArguments(digest, [path], {name: str | None}, {}))
            self.contents[path] = name
            self.names += own.names
            self.specs += own.specs
        return self.contents[path]

    def _visible(self, native: Chain) -> Chain:
        return native.select(list(self.columns)) if self.contents else native

    # One stage

    def _stage(
        self,
        verb: Verb,
        signature: UdfSignature,
        groups: Partition | None = None,
    ) -> tuple[Function, list[tuple[str, Spec]]]:
        """The function as the engine calls it, and its columns."""
        self.names.append(signature.name)
        spec = self._spec(verb, signature)
        outputs = signature.outputs.types
        if outputs == "infer":
            sample = Sample(verb, signature.name, signature.outputs)
            keep = not self.settings.ephemeral
            # what the sample reads counts too
            code_of(spec)
            empty = state.unfilled(own_modules())
            outputs = sampled(sample, self.native, spec, groups, keep=keep)
            spec["filled"] = state.filled(empty)
            spec["known"] = sample.known
            spec["known_code"] = code_of(spec) if sample.known else None
        spec |= {"gives": outputs}
        self.specs.append(spec)
        function = Function(spec)
        if self.settings.on_error == "null":
            outputs = [(name, given | {"nullable": True}) for name, given in outputs]
        return function, outputs

    def _spec(self, verb: Verb, signature: UdfSignature) -> dict[str, Any]:
        """What the engine's `Function` takes; its columns may still be open."""
        names = [taken.name for taken in signature.taken if taken.setup]
        if verb.mode == "batch" and (signature.is_async or len(names) == len(signature.taken)):
            what = "an `async def` function" if signature.is_async else "one without columns"
            msg = f"map_batches calls functions with whole columns: `{signature.name}` is {what}"
            raise UdfSignatureError(msg)
        return {
            "name": signature.name,
            "call": signature.call,
            "owner": signature.owner,
            "takes": self._takes(verb, signature),
            "gives": [],
            "setup": {name: self.setup[name] for name in names},
            "mode": verb.mode,
            "batch": [taken.form for taken in signature.taken] if verb.mode == "batch" else [],
            # a function that sees whole batches sees how many rows they have
            "batch_rows": self.settings.batch_rows if verb.mode == "batch" else None,
            "is_async": signature.is_async,
            "multi": signature.outputs.multi,
            "known": [],
            "known_code": None,
            "root": self.root,
            # the engine's copy of this shares what is found out about it
            "found": {},
            **self.settings.calling(is_async=signature.is_async),
        }

    def _takes(self, verb: Verb, signature: UdfSignature) -> list[tuple[str, str, Spec | None]]:
        takes: list[tuple[str, str, Spec | None]] = []
        for taken in signature.taken:
            at = None if taken.setup else readable(self.columns, taken.name)
            if at is None:
                takes.append(("setup", taken.name, None))
                continue
            spec = at.spec | {"kind": "float"} if taken.as_float else at.spec
            if taken.as_class is not None:
                spec = read_as(spec, taken.as_class)
            if verb.groups:
                spec = {"kind": "list", "item": spec, "nullable": False}
            takes.append(("column", at.path, spec))
        return takes

    def _check_new(self, signature: UdfSignature) -> None:
        """Refuse names that are taken, before any function is called."""
        types = signature.outputs.types
        known = {} if types == "infer" else dict(types)
        for name in signature.outputs.names:
            if name not in self.columns:
                continue
            msg = f"column `{name}` already exists"
            if name in known and known[name]["kind"] != self.columns[name]["kind"]:
                msg = f"Error for column {name}: signal already exists with a different type"
            raise DataChainColumnError(f"{msg}: choose another name or drop it first")

    def _kept(
        self,
        keep: Keep,
        everything: Sequence[str],
        made: Sequence[str],
        computed: Sequence[str] = (),
    ) -> list[str]:
        """The paths of the columns that are carried along."""
        if keep is None or isinstance(keep, bool):
            named = list(everything) if keep else []
        elif isinstance(keep, (str, list, tuple)):
            named = [keep] if isinstance(keep, str) else list(keep)
        else:
            msg = f"keep takes True or names of columns, not `{keep!r}`"
            raise DataChainParamsError(msg)
        paths = list(dict.fromkeys(n if n in computed else self._path(n) for n in named))
        for root in _roots(paths):
            if root in made:
                msg = f"column `{root}` is kept and made at once: give the result another name"
                raise DataChainColumnError(msg)
        return paths

    def _path(self, name: object) -> str:
        found = find(self.columns, name) if isinstance(name, str) else None
        if found is None:
            raise SignalResolvingError(unknown_column(str(name), self.columns, " in keep"))
        return ".".join(found[0])


def _roots(paths: Sequence[str]) -> list[str]:
    """The columns that the paths are in."""
    return list(dict.fromkeys(path.partition(".")[0] for path in paths))


def _narrowed(native: Chain, paths: Sequence[str], outputs: Sequence[tuple[str, Spec]]) -> Chain:
    """The chain with only the kept fields of kept columns."""
    if list(paths) == _roots(paths):
        return native
    return native.select([*paths, *(name for name, _ in outputs)])
