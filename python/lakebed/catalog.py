"""`datasets()`, `listings()`, `bucket_status()`: what there is; and what changes datasets."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, cast

from pydantic import Field, PrivateAttr

from lakebed._schema import Schema, spec_of
from lakebed._storage import storage
from lakebed.chain import DataChain, chain_of
from lakebed.exceptions import (
    DataChainParamsError,
    DatasetVersionNotFoundError,
    NotSupportedError,
)
from lakebed.models import DataModel
from lakebed.session import Session

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "BucketStatus",
    "Catalog",
    "DatasetInfo",
    "DatasetRecord",
    "ListingInfo",
    "bucket_status",
    "datasets",
    "delete_dataset",
    "edit_dataset",
    "listings",
    "move_dataset",
]

_CONFIRMED = "confirmed="
"""The label of a bucket's listing that says when it was last known to be right."""


class DatasetInfo(DataModel):
    """One version of a dataset: a row of `datasets()`."""

    name: str
    namespace: str
    project: str
    uuid: str
    version: str
    status: str
    created_at: datetime
    finished_at: datetime | None = None
    num_objects: int | None = None
    num_added: int | None = None
    num_replaced: int | None = None
    num_dropped: int | None = None
    size: int | None = None
    params: dict[str, Any] = Field(default_factory=dict)
    metrics: dict[str, Any] = Field(default_factory=dict)
    error_message: str = ""
    error_stack: str = ""
    attrs: list[str] = Field(default_factory=list)
    query_script: str = ""
    description: str = ""
    dependencies: list[str] = Field(default_factory=list)
    git_commit: str = ""
    author: str = ""

    @property
    def full_name(self) -> str:
        """`namespace.project.name`."""
        return f"{self.namespace}.{self.project}.{self.name}"

    @property
    def is_temp(self) -> bool:
        """Whether it goes when its session does."""
        return self.namespace == "system" and self.project.startswith("session_")

    def has_attr(self, attr: str) -> bool:
        """Whether the dataset has this label; `stage=*` fits any value of `stage`."""
        return any(_fits(label, attr) for label in self.attrs)


class DatasetRecord(DatasetInfo):
    """One version of a dataset, and what else there is of it: what `chain.dataset` returns.

    Examples:
        >>> import lakebed as dc
        >>> saved = dc.read_values(x=[1], in_memory=True).save("ones")
        >>> saved.dataset.latest_version, saved.dataset.schema
        ('1.0.0', {'x': <class 'int'>})
    """

    _session: Session = PrivateAttr()
    _only: Sequence[str] | None = PrivateAttr(default=None)

    @property
    def versions(self) -> list[DatasetRecord]:
        """The versions that there are, the oldest first."""
        known = [
            _record(self._session, record)
            for record in self._session._native.versions(include_removed=False)
            if _full_name(record) == self.full_name
            and (self._only is None or record["version"] in self._only)
        ]
        return sorted(known, key=lambda one: [int(part) for part in one.version.split(".")])

    @property
    def latest_version(self) -> str:
        """The number of the newest version that there is."""
        return self.versions[-1].version

    def get_version(self, version: str) -> DatasetRecord:
        """One of the versions.

        Raises:
            DatasetVersionNotFoundError: There is none of this number.
        """
        for known in self.versions:
            if known.version == version:
                return known
        numbers = ", ".join(f"`{known.version}`" for known in self.versions)
        msg = f"`{self.full_name}` has no version `{version}`; hint: there are {numbers}"
        raise DatasetVersionNotFoundError(msg)

    @property
    def schema(self) -> Schema:  # type: ignore[override]
        """The columns of this version and their types."""
        from lakebed.read.dataset import read_dataset

        return read_dataset(self.full_name, version=self.version, session=self._session).schema


class Catalog:
    """The datasets of a session by their names: what `session.catalog` returns."""

    def __init__(self, session: Session) -> None:
        """Make the view of what the session has."""
        self.session = session

    def get_dataset(
        self,
        name: str,
        namespace_name: str | None = None,
        project_name: str | None = None,
        *,
        versions: Sequence[str] | None = None,
    ) -> DatasetRecord:
        """The latest version of a dataset, which knows the others.

        Args:
            name: `name`, `project.name` or `namespace.project.name`.
            namespace_name: Of a name that has none.
            project_name: Of a name that has none.
            versions: The versions that it is to know; all by default.

        Raises:
            DatasetNotFoundError: There is no dataset of this name.
        """
        from lakebed.read.dataset import read_dataset

        chain = read_dataset(name, namespace_name, project_name, session=self.session)
        found = cast("DatasetRecord", chain.dataset)
        found._only = versions
        return found


class ListingInfo(DatasetInfo):
    """One version of a listing: a row of `listings()`."""

    uri: str = ""
    expires: datetime | None = None

    @property
    def is_expired(self) -> bool:
        """Whether the next chain lists anew; local folders are listed in each run."""
        return self.expires is None or self.expires <= datetime.now(UTC)


@dataclass(frozen=True)
class BucketStatus:
    """Whether a bucket is there, and who may look into it.

    Attributes:
        exists: Whether it is there, as far as can be told.
        access: `anonymous`, `authenticated` or `denied`.
        error: Why it cannot be looked into.
    """

    exists: bool
    access: Literal["anonymous", "authenticated", "denied"]
    error: str | None = None


def datasets(  # noqa: PLR0917  the peer's order
    session: Session | None = None,
    settings: Mapping[str, Any] | None = None,
    in_memory: bool = False,  # noqa: FBT001, FBT002
    column: str | None = None,
    include_listing: bool = False,  # noqa: FBT001, FBT002
    studio: bool = False,  # noqa: FBT001, FBT002
    attrs: Sequence[str] | None = None,
    include_removed: bool = False,  # noqa: FBT001, FBT002
) -> DataChain:
    """The versions of all datasets, one row each.

    Args:
        session: Where to look; see `Session`.
        settings: As for `chain.settings()`.
        in_memory: Use a session in memory.
        column: One column of `DatasetInfo` objects by this name, not one per field.
        include_listing: Also what is in the namespace `system`.
        studio: Not supported.
        attrs: Only datasets that have all of these labels; `stage=*` fits any value.
        include_removed: Also removed versions, whose numbers stay taken.
    """
    if studio:
        msg = "option `studio` of datasets is not supported: datasets are local"
        raise NotSupportedError(msg)
    held = Session.get(session, in_memory=in_memory)
    # many versions are of one job
    job_of = cache(held._native.job)
    infos = [
        _info(record, job_of(record["job"]) if record["job"] else {})
        for record in held._native.versions(include_removed)
        if _is_listed(record, attrs or (), include_listing=include_listing)
    ]
    spec = spec_of(DatasetInfo, "datasets()")
    columns = [(column, spec, infos)] if column else [
        (name, field, [getattr(info, name) for info in infos]) for name, field in spec["fields"]
    ]  # fmt: skip
    return chain_of(held._native.read_values(columns), held, settings)


def listings(
    session: Session | None = None,
    in_memory: bool = False,  # noqa: FBT001, FBT002
    column: str = "listing",
) -> DataChain:
    """What was found in folders and buckets, one row for each version of each listing.

    Args:
        session: Where to look; see `Session`.
        in_memory: Use a session in memory.
        column: The name of the column of `ListingInfo` objects.
    """
    held = Session.get(session, in_memory=in_memory)
    ttl = timedelta(seconds=held._native.listing_ttl())
    job_of = cache(held._native.job)
    infos = [
        _listing(_info(record, job_of(record["job"]) if record["job"] else {}), ttl)
        for record in held._native.versions(include_removed=False)
        if (record["namespace"], record["project"]) == ("system", "listings")
    ]
    columns = [(column, spec_of(ListingInfo, "listings()"), infos)]
    return chain_of(held._native.read_values(columns), held)


def bucket_status(uri: str, **client_config: Any) -> BucketStatus:
    """Whether a bucket is there, and who may look into it.

    Args:
        uri: The bucket, as `s3://name`.
        client_config: How to reach it, as for `read_storage`.

    Raises:
        DataChainParamsError: The URI has a path, or names no bucket.
        NotSupportedError: The kind of storage has no buckets.
    """
    scheme, _, bucket = uri.partition("://")
    if bucket.strip("/") and "/" in bucket.rstrip("/") and scheme != "hf":
        msg = f"bucket_status takes a bucket, as `{scheme}://name`, not `{uri}`"
        raise DataChainParamsError(msg)
    exists, access, error = storage(client_config).status(uri)
    allowed = cast('Literal["anonymous", "authenticated", "denied"]', access)
    return BucketStatus(exists, allowed, error)


def delete_dataset(  # noqa: PLR0917  the peer's order
    name: str,
    namespace: str | None = None,
    project: str | None = None,
    version: str | int | None = None,
    force: bool = False,  # noqa: FBT001, FBT002
    studio: bool = False,  # noqa: FBT001, FBT002
    session: Session | None = None,
    in_memory: bool = False,  # noqa: FBT001, FBT002
) -> None:
    """Remove a version of a dataset; its number is never used again.

    Its files are removed by `gc()`.

    Args:
        name: `name`, `project.name` or `namespace.project.name`.
        namespace: Of a name that has none.
        project: Of a name that has none.
        version: Which one; the latest by default.
        force: Remove all versions.
        studio: Not supported.
        session: Where to remove; see `Session`.
        in_memory: Use a session in memory.
    """
    if studio:
        msg = "option `studio` of delete_dataset is not supported: datasets are local"
        raise NotSupportedError(msg)
    held = Session.get(session, in_memory=in_memory)
    which = None if version is None or force else str(version)
    held._native.remove_versions(name, namespace, project, which, force)


def move_dataset(
    src: str,
    dest: str,
    session: Session | None = None,
    in_memory: bool = False,  # noqa: FBT001, FBT002
) -> None:
    """Give a dataset another name, within its project or in another one.

    All versions go along, and datasets that were made from it know it by the new name.

    Args:
        src: `name`, `project.name` or `namespace.project.name`.
        dest: The new name; one that no dataset ever had.
        session: Where to look; see `Session`.
        in_memory: Use a session in memory.

    Examples:
        >>> import lakebed as dc
        >>> _ = dc.read_values(x=[1], in_memory=True).save("draft")
        >>> dc.move_dataset("draft", "lab.final", in_memory=True)
        >>> dc.read_dataset("lab.final", session=dc.Session.get(in_memory=True)).to_values("x")
        [1]
    """
    Session.get(session, in_memory=in_memory)._native.move_dataset(src, dest)


def edit_dataset(
    name: str,
    new_name: str | None = None,
    description: str | None = None,
    attrs: Sequence[str] | None = None,
    session: Session | None = None,
) -> None:
    """Give a dataset another name, description or labels; None leaves them as they are.

    They are the dataset's: all of its versions have them.

    Args:
        name: `name`, `project.name` or `namespace.project.name`.
        new_name: As `move_dataset` takes it.
        description: What the dataset is.
        attrs: All of its labels.
        session: Where to look; see `Session`.

    Examples:
        >>> import lakebed as dc
        >>> held = dc.Session.get(in_memory=True)
        >>> _ = dc.read_values(x=[1], session=held).save("numbers")
        >>> dc.edit_dataset("numbers", description="all of them", session=held)
    """
    if isinstance(attrs, str):
        msg = f"attrs takes a list of labels, not `{attrs!r}`"
        raise DataChainParamsError(msg)
    held = Session.get(session)
    labels = None if attrs is None else list(attrs)
    held._native.edit_dataset(name, description, labels)
    if new_name is not None:
        held._native.move_dataset(name, new_name)


def known_version(session: Session, version: tuple[str, str] | None) -> DatasetRecord | None:
    """What the catalog knows of a version, by its full name and its number."""
    for record in session._native.versions(include_removed=False) if version else ():
        if (_full_name(record), record["version"]) == version:
            return _record(session, record)
    return None


def _full_name(record: Mapping[str, Any]) -> str:
    return ".".join((record["namespace"], record["project"], record["name"]))


def _record(session: Session, record: Mapping[str, Any]) -> DatasetRecord:
    job = session._native.job(record["job"]) if record["job"] else {}
    made = DatasetRecord(**_info(record, job).model_dump())
    made._session = session
    return made


def _is_listed(record: Mapping[str, Any], attrs: Sequence[str], *, include_listing: bool) -> bool:
    system = record["namespace"] == "system"
    temporary = system and record["project"].startswith("session_")
    listing = system and not include_listing
    labels = record["attrs"] or ()
    return not (temporary or listing) and all(
        any(_fits(label, wanted) for label in labels) for wanted in attrs
    )


def _fits(label: str, wanted: str) -> bool:
    """`stage=*` fits any value of `stage`."""
    return label == wanted or (wanted.endswith("=*") and label.startswith(wanted[:-1]))


def _listing(info: DatasetInfo, ttl: timedelta) -> ListingInfo:
    found = (label for label in info.attrs if label.startswith(_CONFIRMED))
    label = next(found, None)
    expires = datetime.fromisoformat(label.removeprefix(_CONFIRMED)) + ttl if label else None
    return ListingInfo(**info.model_dump(), uri=info.description, expires=expires)


def _info(record: Mapping[str, Any], job: Mapping[str, Any]) -> DatasetInfo:
    added, replaced, dropped = record["changes"] or (None, None, None)
    return DatasetInfo(
        name=record["name"],
        namespace=record["namespace"],
        project=record["project"],
        uuid=record["uuid"],
        version=record["version"],
        status=record["status"],
        created_at=record["created_at"],
        finished_at=record["finished_at"],
        num_objects=record["rows"],
        num_added=added,
        num_replaced=replaced,
        num_dropped=dropped,
        size=record["bytes"],
        params=json.loads(job.get("params") or "{}") or {},
        metrics=json.loads(job.get("metrics") or "{}"),
        error_message=record["error"] or "",
        error_stack=job.get("error") or "",
        attrs=record["attrs"] or [],
        query_script=job.get("source") or "",
        description=record["description"] or "",
        dependencies=record["dependencies"] or [],
        git_commit=job.get("git_commit") or "",
        author=job.get("author") or "",
    )
