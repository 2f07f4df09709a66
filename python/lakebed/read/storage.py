"""`read_storage`: files below a path or in a bucket, one row each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lakebed._client_config import options_of
from lakebed.chain import DataChain, chain_of
from lakebed.read._arguments import PathLike, paths_of, refuse
from lakebed.read._delta import Delta
from lakebed.session import Session

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def read_storage(
    uri: PathLike | Sequence[PathLike],
    *,
    type: str = "binary",
    session: Session | None = None,
    settings: Mapping[str, Any] | None = None,
    in_memory: bool = False,
    recursive: bool = True,
    column: str = "file",
    update: bool = False,
    anon: bool | None = None,
    delta: bool = False,
    delta_on: str | Sequence[str] | None = None,
    delta_result_on: str | Sequence[str] | None = None,
    delta_compare: str | Sequence[str] | None = None,
    delta_retry: bool | str | None = None,
    delta_unsafe: bool = False,
    delta_deleted: str | None = None,
    delta_code: str = "warn",
    versions: bool = True,  # noqa: ARG001
    client_config: Mapping[str, Any] | None = None,
    **others: Any,
) -> DataChain:
    """The files below a path or in a bucket, one row each.

    Listing happens when the chain runs: a local folder is listed in each run, a bucket when its
    listing is older than four hours (`LAKEBED_LISTING_TTL`, in seconds). A bucket's listing also
    serves chains over what is below it. What was found is kept in `system.listings`; see
    `listings()`. Files come in the order of their paths; of more than 65,536, those that were found
    later or changed may come after those that were there before.

    Args:
        uri: Paths, `file://`, `s3://`, `gs://`, `az://` or `hf://` URIs of files or folders; of
            `http(s)://` only files. `*`, `**`, `?`, `[..]` and `{a,b}` choose, `~` is home.
        type: What the files are read as: `binary`, `text`, `image`, `video` or `audio`.
        session: Where to save; see `Session`.
        settings: As for `chain.settings()`.
        in_memory: Use a session in memory.
        recursive: Also files in folders below.
        column: The column's name.
        update: List buckets anew in each run. A bucket that is as it was makes no new version, and
            of many files only those that are not as they were are written.
        anon: Ask buckets without credentials, or never so; by default credentials are used where
            there are any.
        delta: When a chain over this is saved again under its name, compute only what is new or
            changed here since; the other rows of the latest version stay, in the files that they
            are in.
        delta_on: What a row is known by: paths of fields. By default a file's source and path.
        delta_result_on: Where the result has these values, if not in the same place.
        delta_compare: What tells that a row changed; by default everything else.
        delta_retry: Compute again what did not change: with the name of a field of the result,
            where that says an error; with True, what is missing in the result.
        delta_unsafe: Let `limit`, `offset` and `sample` see what changed only.
        delta_deleted: `keep` or `drop` rows whose source is gone. By default they are kept, but
            for groups, which are computed from what is there. All sources of a chain must say the
            same; what a kept row has of other sources stays, too.
        delta_code: When functions or steps changed since: `warn`, `ignore`, or `rebuild`
            everything.
        versions: Has no effect: only the newest version of each object is listed.
        client_config: How to reach these buckets, from now on: `aws_key`, `aws_secret`,
            `aws_endpoint_url`, `token`, `account_name`, and other options of s3fs, gcsfs, adlfs.
        others: Other options of the peer, refused with a reason.
    """
    from lakebed.file import type_for

    type_for(type)
    refuse("read_storage", **others)
    delta_of = Delta(
        delta,
        delta_on,
        delta_result_on,
        delta_compare,
        delta_retry,
        delta_unsafe,
        delta_deleted,
        delta_code,
    )
    uris = paths_of(uri)
    options = options_of(client_config, anon=anon)
    held = Session.get(session, in_memory=in_memory)
    native = held._native.read_storage(uris, recursive, column, type, update, options)
    return chain_of(delta_of.applied(native), held, settings)
