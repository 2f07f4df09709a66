"""Objects of buckets as rows: what URIs name, what is listed for it, and when."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

import lakebed as dc
from lakebed import C
from lakebed.exceptions import DataChainParamsError, NotSupportedError, StorageError

if TYPE_CHECKING:
    from servers import Store
    from servers.double_server import S3Double

KEYS = ["a.txt", "cats/1.jpg", "cats/2.png", "cats/more/3.jpg", "dogs/1.jpg"]


def read(store: Store, path: str = "", **options: Any) -> dc.DataChain:
    return dc.read_storage(f"{store.uri}/{path}", client_config=store.client_config, **options)


def paths(chain: dc.DataChain) -> list[str]:
    return [str(path) for path in chain.to_values("file.path")]


@pytest.fixture
def pets(s3: S3Double) -> S3Double:
    """Five objects."""
    for key in KEYS:
        s3.put(key, key.encode())
    s3.reset()
    return s3


def test_each_cloud_is_listed(store: Store) -> None:
    for key in KEYS:
        store.put(key, key.encode())
    assert paths(read(store)) == KEYS
    assert paths(read(store, "cats")) == KEYS[1:4]
    assert paths(read(store, "c*/*.jpg")) == ["cats/1.jpg"]
    assert paths(read(store, "cats/", recursive=False)) == KEYS[1:3]
    (file,) = read(store, "dogs/1.jpg").to_values("file")
    (listed,) = read(store, "dogs/").to_values("file")
    assert (file.source, file.path) == (store.uri, "dogs/1.jpg")
    assert file.get_uri() == f"{store.uri}/dogs/1.jpg"
    assert (file.size, file.is_latest) == (10, True)
    assert file.etag.strip('"') == file.etag == store.head("dogs/1.jpg")["etag"].strip('"')
    assert (listed.etag, listed.last_modified) == (file.etag, file.last_modified)
    with pytest.raises(FileNotFoundError, match=f"{store.uri}/birds"):
        read(store, "birds").to_list()


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("**/*.jpg", [KEYS[1], KEYS[3], KEYS[4]]),
        ("cats/[12].*", KEYS[1:3]),
        ("cats/?.jpg", ["cats/1.jpg"]),
        ("{dogs,cats/more}/", [KEYS[4], KEYS[3]]),
        ("{cats,dogs}/*.jpg", [KEYS[1], KEYS[4]]),
        ("a.txt", ["a.txt"]),
        ("cats/**", KEYS[1:4]),
        ("*.md", []),
    ],
)
def test_patterns(pets: S3Double, path: str, expected: list[str]) -> None:
    for _ in range(2):
        assert paths(read(pets, path)) == expected


def test_each_file_that_is_named_must_be_there(pets: S3Double) -> None:
    assert paths(read(pets, "cats/{1.jpg,2.png}")) == KEYS[1:3]
    with pytest.raises(FileNotFoundError, match=r"cats/2\.jpg"):
        paths(read(pets, "cats/{1..2}.jpg"))


def test_buckets_and_folders_in_one_chain(pets: S3Double, files: Any) -> None:
    given = [f"{pets.uri}/dogs/", files, f"{pets.uri}/a.txt"]
    chain = dc.read_storage(given, client_config=pets.client_config)
    expected = ["dogs/1.jpg", "a.txt", "b.md", "sub/c.txt", "a.txt"]
    assert paths(chain) == expected
    assert chain.count() == 5
    assert paths(chain.map(n=lambda file: file.size, output=int)) == expected


def test_keys_that_are_no_files_are_left_out(s3: S3Double) -> None:
    for key in ("folder/", "folder/a", "x//y", "b/", "c"):
        s3.put(key, b"")
    assert paths(read(s3)) == ["c", "folder/a"]
    assert paths(read(s3, "folder")) == ["folder/a"]
    assert paths(read(s3, recursive=False)) == ["c"]


def test_names_may_have_any_characters(s3: S3Double) -> None:
    keys = sorted(["a b+c%20d.txt", "ü/ß.txt", "x&<y>'\".txt", "emoji \U0001f600.txt", "~#[1].txt"])
    for key in keys:
        s3.put(key, key.encode())
    assert sorted(paths(read(s3))) == keys
    assert [file.read() for file in read(s3, type="text").to_values("file")] == paths(read(s3))
    for key in ("a b+c%20d.txt", "ü/ß.txt"):
        assert paths(read(s3, key, update=True)) == [key]


def test_many_objects_are_listed_in_ranges(s3: S3Double) -> None:
    s3.fill(12_345, pattern="{d:03}/img_{n:07}.jpg")
    s3.reset()
    found = paths(read(s3))
    assert found == s3.list()
    assert len(found) == 12_345
    assert read(s3, "**/img_0000*.jpg").count() == 1000
    assert read(s3, "005/").count() == 1000


def test_a_listing_serves_all_below_it(pets: S3Double) -> None:
    assert read(pets).count() == 5
    assert pets.counts()["LIST"] == 1
    pets.put("cats/4.jpg", b"")
    pets.reset()
    assert paths(read(pets, "cats/*.jpg")) == ["cats/1.jpg"]
    assert paths(read(pets, "cats").map(n=lambda file: file.size, output=int)) == KEYS[1:4]
    assert paths(read(pets, "dogs/1.jpg")) == ["dogs/1.jpg"]
    assert not pets.counts().get("LIST")
    assert paths(read(pets, "cats/*.jpg", update=True)) == ["cats/1.jpg", "cats/4.jpg"]
    assert pets.counts()["LIST"] == 1


def test_an_old_listing_is_made_anew(pets: S3Double, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKEBED_LISTING_TTL", "0")
    for listed in (1, 2, 3):
        assert read(pets).count() == 5
        assert pets.counts()["LIST"] == listed
    (info,) = dc.listings().to_values("listing")
    assert (info.uri, info.version, info.num_objects) == (f"{pets.uri}/", "1.0.0", 5)
    assert info.is_expired
    monkeypatch.setenv("LAKEBED_LISTING_TTL", "soon")
    with pytest.raises(DataChainParamsError, match=r"LAKEBED_LISTING_TTL.*`soon`"):
        read(pets).count()


def test_listings_are_datasets(pets: S3Double) -> None:
    read(pets, "cats/").map(n=lambda file: file.size, output=int).save("sizes")
    assert dc.datasets().to_values("dependencies") == [[f"{pets.uri}/cats/@1.0.0"]]
    (info,) = dc.listings(column="one").to_values("one")
    assert (info.uri, info.is_expired) == (f"{pets.uri}/cats/", False)
    for _ in range(2):
        assert read(pets, "cats/", update=True).save("files").version == "1.0.0"
    pets.touch("cats/1.jpg")
    assert read(pets, "cats/", update=True).save("files").version == "1.0.1"
    assert sorted(dc.listings().to_values("listing.version")) == ["1.0.0", "1.0.1"]


def size(file: dc.File) -> int:
    return file.size


def test_rows_are_the_same_whichever_listing_tells(pets: S3Double) -> None:
    chain = read(pets, "cats/**/*.jpg").map(n=size)
    assert chain.save("sizes").to_values("n") == [10, 15]
    read(pets, update=True).count()
    pets.reset()
    assert chain.save("sizes").version == "1.0.0"
    assert not pets.counts().get("LIST")
    pets.touch("dogs/1.jpg")
    read(pets, update=True).count()
    assert chain.save("sizes").version == "1.0.0"
    pets.touch("cats/1.jpg")
    read(pets, update=True).count()
    assert chain.save("sizes").version == "1.0.1"


def test_filters_are_seen_before_a_file_is(pets: S3Double) -> None:
    chain = read(pets, type="text").filter(C("file.path").glob("*.txt") | (C("file.size") > 14))
    assert chain.map(text=lambda file: file.read(), output=str).to_values("text") == [
        "a.txt",
        "cats/more/3.jpg",
    ]
    assert pets.counts_of("dogs/1.jpg") == {}


def test_threads_make_one_version(pets: S3Double) -> None:
    with dc.Session() as session, ThreadPoolExecutor(8) as pool:
        chains = [read(pets, "cats", session=session) for _ in range(8)]
        assert list(pool.map(dc.DataChain.count, chains)) == [3] * 8
        assert dc.listings(session=session).to_values("listing.version") == ["1.0.0"]
    assert pets.counts()["LIST"] == 1


def test_public_buckets_need_no_credentials(s3: S3Double, monkeypatch: pytest.MonkeyPatch) -> None:
    public = s3.fresh(public=True)
    public.put("a.txt", b"a")
    s3.put("a.txt", b"a")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    reached = {"endpoint_url": s3.endpoint, "client_kwargs": {"region_name": "us-east-1"}}
    for anon in (None, True):
        chain = dc.read_storage(public.uri, anon=anon, client_config=reached)
        assert paths(chain) == ["a.txt"]
    with pytest.raises(StorageError) as caught:
        dc.read_storage(s3.uri, client_config=reached).count()
    assert "AccessDenied" in str(caught.value)
    assert dc.bucket_status(public.uri, **reached).access == "anonymous"
    assert dc.bucket_status(s3.uri, **reached).access == "denied"
    status = dc.bucket_status(s3.uri, **s3.client_config)
    assert status == dc.BucketStatus(exists=True, access="authenticated", error=None)
    missing = dc.bucket_status("s3://nowhere", **s3.client_config)
    assert (missing.exists, missing.access) == (False, "denied")


def test_web_servers_have_single_files(s3: S3Double) -> None:
    public = s3.fresh(public=True)
    public.put("a b.txt", b"abc")
    url = f"{s3.endpoint}/{public.bucket}/a%20b.txt"
    (file,) = dc.read_storage(url).to_values("file")
    assert (file.get_uri(), file.size) == (url, 3)
    with pytest.raises(FileNotFoundError):
        dc.read_storage(f"{s3.endpoint}/{public.bucket}/b.txt").count()
    for other in (f"{s3.endpoint}/{public.bucket}/", f"{s3.endpoint}/*.txt"):
        with pytest.raises(NotSupportedError, match="name each file"):
            dc.read_storage(other)


def test_what_is_given_wrongly_is_refused(pets: S3Double) -> None:
    with pytest.raises(ValueError, match="name one bucket"):
        dc.read_storage("s3://b*/x")
    with pytest.raises(NotSupportedError, match="ftp://"):
        dc.read_storage("ftp://host/x")
    with pytest.raises(ValueError, match="did you mean `aws_secret`"):
        dc.read_storage(pets.uri, client_config={"aws_secrets": "hush"})
    with pytest.raises(DataChainParamsError, match="takes a bucket"):
        dc.bucket_status(f"{pets.uri}/cats")
    with pytest.raises(NotSupportedError):
        dc.bucket_status("https://host")


def test_credentials_are_nowhere(pets: S3Double, root: Any) -> None:
    secret = {**pets.client_config, "aws_key": "AKIAHUSH", "aws_secret": "hush-hush"}
    chain = dc.read_storage(pets.uri, client_config=secret)
    chain.map(n=lambda file: file.size, output=int).save("sizes")
    assert "hush" not in f"{chain!r} {chain.explain()} {dc.Session.get()!r}".lower()
    told = [*dc.datasets(include_listing=True).to_list(), *dc.listings().to_list()]
    assert "hush" not in str(told).lower()
    kept = [file.read_bytes().lower() for file in root.rglob("*") if file.is_file()]
    assert kept
    assert not any(b"akiahush" in text or b"hush-hush" in text for text in kept)
    nowhere = {**secret, "aws_endpoint_url": "http://127.0.0.1:9", "max_retries": 0}
    with pytest.raises(StorageError) as caught:
        dc.read_storage("s3://elsewhere", client_config=nowhere).count()
    assert "hush" not in str(caught.value).lower()
