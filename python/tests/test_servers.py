"""The servers that other tests rely on do what they say, also when many ask at once."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import servers
from servers.fixtures import started
from servers.process import HOST
from servers.store import Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from servers import Database, Proxy, Store
    from servers.double_server import GcsDouble, S3Double

THREADS = 16
ONLY_NEW = {"gs": {"x-goog-if-generation-match": "0"}}


def client(store: Store) -> Any:
    """Of boto3, which nobody suspects to be made for the double."""
    boto3 = pytest.importorskip("boto3")
    config = boto3.session.Config(
        s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}
    )
    return boto3.client(
        "s3",
        endpoint_url=store.endpoint,
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106
        region_name="us-east-1",
        config=config,
    )


def statuses(call: Callable[[int], object]) -> Counter[int]:
    """What the server answered to as many calls at once."""

    def status(number: int) -> int:
        try:
            call(number)
        except Refused as refused:
            return refused.status
        return 200

    with ThreadPoolExecutor(THREADS) as pool:
        return Counter(pool.map(status, range(THREADS)))


def refused(call: Callable[[], object]) -> int:
    with pytest.raises(Refused) as caught:
        call()
    return caught.value.status


def check_one_creates(store: Store) -> None:
    headers = ONLY_NEW.get(store.scheme, {"If-None-Match": "*"})
    lost = 409 if store.scheme == "az" else 412
    for key in ("a", "b", "c"):
        found = statuses(lambda n, key=key: store.put(key, b"%d" % n, headers))
        assert found == {200: 1, lost: THREADS - 1}


def test_one_of_many_creates(store: Store):
    check_one_creates(store)


def test_one_of_many_creates_in_ministack(ministack: Store):
    check_one_creates(ministack)


def test_one_of_many_replaces(s3: S3Double, ministack: Store):
    for store in (s3, ministack):
        headers = {"If-Match": f'"{store.put("a", b"first")}"'}
        found = statuses(lambda n, s=store, h=headers: s.put("a", b"%d" % n, h))
        assert found == {200: 1, 412: THREADS - 1}
        assert refused(lambda s=store, h=headers: s.put("missing", b"", h)) == 404


def test_generations(gcs: GcsDouble):
    gcs.put("a", b"1")
    first = gcs.head("a")["x-goog-generation"]
    gcs.put("a", b"2", {"x-goog-if-generation-match": first})
    assert refused(lambda: gcs.put("a", b"3", {"x-goog-if-generation-match": first})) == 412
    gcs.request("PUT", "b", headers={"x-goog-copy-source": f"{gcs.bucket}/a"})
    assert gcs.get("b") == b"2"
    assert gcs.get("a", {"Range": "bytes=-1"}) == b"2"


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_listings_come_in_pages(s3: S3Double, size: int):
    s3.fill(2_500 if size == 1000 else 20, 3, "d{n:05}/x&<\n{n}")
    names = s3.list()
    assert names == sorted(names)
    assert len(set(names)) == len(names) == (2_500 if size == 1000 else 20)
    pages = client(s3).get_paginator("list_objects_v2").paginate
    options = {"Bucket": s3.bucket, "PaginationConfig": {"PageSize": size}}
    keys = [one["Key"] for page in pages(**options) for one in page["Contents"]]
    assert keys == names
    found = [page.get("CommonPrefixes", []) for page in pages(**options, Delimiter="/")]
    folders = [one["Prefix"] for part in found for one in part]
    assert folders == [f"{name.partition('/')[0]}/" for name in names]
    after = [
        one["Key"] for page in pages(**options, StartAfter=names[3]) for one in page["Contents"]
    ]
    assert after == names[4:]
    below = [one["Key"] for page in pages(**options, Prefix="d00001/") for one in page["Contents"]]
    assert below == [names[1]]


def test_many_objects_are_listed_fast(s3: S3Double):
    s3.fill(100_000)
    s3.reset()
    assert len(s3.list()) == 100_000
    assert s3.counts() == {"LIST": 100}


def test_names_are_any_text(store: Store):
    names = ["a b/ü", "a+b%2F", "x/y~!*'()", "日本/語.txt"]
    for name in names:
        store.put(name, name.encode())
    assert sorted(store.list()) == sorted(names)
    assert [store.get(name) for name in names] == [name.encode() for name in names]
    store.delete(names[0])
    assert sorted(store.list()) == sorted(names[1:])
    assert refused(lambda: store.get(names[0])) == 404


def test_large_objects_come_in_parts(s3: S3Double, tmp_path: Path):
    data = os.urandom(9 << 20)
    (tmp_path / "data").write_bytes(data)
    attributes = {"ContentType": "text/x", "CacheControl": "no-cache", "Metadata": {"a": "b"}}
    client(s3).upload_file(str(tmp_path / "data"), s3.bucket, "large", ExtraArgs=attributes)
    assert (s3.counts()["INITIATE"], s3.counts()["PART"], s3.counts()["COMPLETE"]) == (1, 2, 1)
    client(s3).copy_object(
        Bucket=s3.bucket, Key="copy", CopySource={"Bucket": s3.bucket, "Key": "large"}
    )
    found = client(s3).get_object(Bucket=s3.bucket, Key="copy", Range="bytes=8388600-8388615")
    assert found["Body"].read() == data[8388600:8388616]
    assert found["ContentRange"] == f"bytes 8388600-8388615/{len(data)}"
    assert {name: found[name] for name in attributes} == attributes
    assert s3.get("copy") == data
    assert s3.head("large")["etag"].endswith('-2"')


def test_an_upload_made_of_parts_of_other_objects(s3: S3Double):
    s3.fill(1, 1000, "source")
    _, _, body = s3.request("POST", "a", query={"uploads": ""})
    upload = re.search(rb"<UploadId>(.*)</UploadId>", body)[1].decode()
    source = {"x-amz-copy-source": f"{s3.bucket}/source"}
    etags = []
    for number, part in enumerate(("bytes=100-199", "bytes=900-999"), 1):
        query = {"uploadId": upload, "partNumber": str(number)}
        headers = {**source, "x-amz-copy-source-range": part}
        _, _, body = s3.request("PUT", "a", query=query, headers=headers)
        etags.append(re.search(rb"[0-9a-f]{32}", body)[0].decode())
    assert s3.list() == ["source"]
    parts = "".join(
        f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"
        for number, etag in enumerate(etags, 1)
    )
    whole = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
    complete = partial(
        s3.request, "POST", "a", query={"uploadId": upload}, body=whole,
        headers={"If-None-Match": "*"},
    )  # fmt: skip
    s3.put("a", b"first")
    assert refused(complete) == 412
    s3.delete("a")
    complete()
    data = s3.get("source")
    assert s3.get("a") == data[100:200] + data[900:]
    assert refused(complete) == 404


def test_a_copy_on_a_condition(s3: S3Double):
    s3.put("a", b"1")
    headers = {"x-amz-copy-source": f"{s3.bucket}/a", "If-None-Match": "*"}
    found = statuses(lambda _: s3.request("PUT", "b", headers=headers))
    assert found == {200: 1, 412: THREADS - 1}
    assert refused(lambda: s3.request("DELETE", "b", headers={"If-Match": '"other"'})) == 412
    assert s3.get("b") == b"1"


def test_what_is_bad_is_refused(s3: S3Double):
    s3.put("a", b"abc")
    etag = s3.head("a")["etag"]
    assert refused(lambda: s3.get("a", {"Range": "bytes=3-"})) == 416
    assert refused(lambda: s3.get("a", {"If-Match": '"other"'})) == 412
    assert s3.request("GET", "a", headers={"If-None-Match": etag})[0] == 304
    assert refused(lambda: s3.get("b")) == 404
    assert refused(lambda: s3.request("PUT", "a", query={"uploadId": "x"})) == 404
    assert refused(s3.create) == 409


def test_deleted_in_bulk(s3: S3Double):
    s3.fill(5)
    objects = [{"Key": name} for name in s3.list()[1:]]
    client(s3).delete_objects(Bucket=s3.bucket, Delete={"Objects": objects})
    assert s3.list() == ["00000000"]
    assert s3.counts()["BULK_DELETE"] == 1


def test_versions(s3_server: S3Double):
    store, ask = s3_server.fresh(versioned=True), client(s3_server)
    store.put("a", b"1")
    first = store.head("a")["x-amz-version-id"]
    store.put("a", b"2")
    store.touch("a")
    store.delete("a")
    store.put("b", b"3")
    assert store.list() == ["b"]
    assert store.request("GET", "a", query={"versionId": first})[2] == b"1"
    found = ask.list_object_versions(Bucket=store.bucket)
    assert [(v["Key"], v["IsLatest"]) for v in found["Versions"]] == [
        ("a", False), ("a", False), ("a", False), ("b", True),
    ]  # fmt: skip
    assert [(v["Key"], v["IsLatest"]) for v in found["DeleteMarkers"]] == [("a", True)]
    pages = ask.get_paginator("list_object_versions").paginate(
        Bucket=store.bucket, PaginationConfig={"PageSize": 2}
    )
    assert sum(len(page.get("Versions", [])) for page in pages) == 4
    ask.delete_object(
        Bucket=store.bucket, Key="a", VersionId=found["DeleteMarkers"][0]["VersionId"]
    )
    assert store.get("a") == b"2"


@pytest.mark.parametrize("is_public", [True, False])
def test_strangers(s3_server: S3Double, *, is_public: bool):
    store = s3_server.fresh(public=is_public)
    store.put("a", b"x")
    for target in (f"/{store.bucket}/a", f"/{store.bucket}?list-type=2"):
        assert stranger(store, "GET", target) == (200 if is_public else 403)
    assert stranger(store, "GET", f"/{store.bucket}/a?X-Amz-Signature=0") == 200
    assert stranger(store, "GET", "/no-such-bucket/a") == 404


def stranger(store: Store, method: str, target: str) -> int:
    connection = http.client.HTTPConnection(store.endpoint.removeprefix("http://"))
    with closing(connection):
        connection.request(method, target)
        return connection.getresponse().status


def test_requests_are_counted(s3: S3Double):
    s3.reset()
    s3.put("a", b"abc")
    s3.get("a")
    s3.get("a", {"Range": "bytes=0-0"})
    s3.list()
    assert s3.counts() == {"PUT": 1, "GET": 2, "LIST": 1}
    assert s3.counts_of("a") == {"PUT": 1, "GET": 2}
    assert s3.transferred()[0] == 3
    assert s3.log()[2] == ("GET", f"{s3.bucket}/a", "bytes=0-0", 206)
    s3.reset()
    assert s3.counts() == {}
    assert s3.list() == ["a"]


def test_a_line_without_faults_passes_all_on(faulty: Proxy[S3Double]):
    store = faulty.store
    data = os.urandom(3 << 20)
    store.put("a b", data, {"x-amz-meta-k": "v"})
    client(store).put_object(Bucket=store.bucket, Key="c", Body=data)
    assert store.get("a b") == faulty.behind.get("c") == data
    assert store.head("a b")["x-amz-meta-k"] == "v"
    assert store.list() == ["a b", "c"]
    store.delete("c")
    assert faulty.fates() == {"ok": 6}
    assert faulty.methods() == {"PUT": 2, "GET": 2, "HEAD": 1, "DELETE": 1}


def test_a_connection_serves_many_requests(faulty: Proxy[S3Double]):
    faulty.behind.put("a", b"abc")
    faulty.set(error_500=0.3, only="GET", seed=1)
    connection = http.client.HTTPConnection(faulty.store.endpoint.removeprefix("http://"))
    headers = faulty.store._signed("GET", "", 0, {})
    found = []
    with closing(connection):
        for _ in range(50):
            connection.request("GET", f"/{faulty.store.bucket}/a", headers=headers)
            answer = connection.getresponse()
            found.append(answer.status)
            assert (answer.read() == b"abc") == (answer.status == 200)
    assert Counter(found) == {200: faulty.fates()["ok"], 500: faulty.fates()["error_500"]}
    assert 5 < found.count(500) < 25


FAULTS = [
    ("error_500", 500, False),
    ("error_503", 503, False),
    ("reset", ConnectionError, False),
    ("stall", ConnectionError, False),
    ("lost", ConnectionError, True),
    ("late_500", 500, True),
]


@pytest.mark.parametrize(("fault", "expected", "is_done"), FAULTS)
def test_faults(faulty: Proxy[S3Double], fault: str, expected: Any, *, is_done: bool):
    faulty.set(**{fault: 1}, most=1, stall_secs=0.05)
    if isinstance(expected, int):
        assert refused(lambda: faulty.store.put("a", b"x")) == expected
    else:
        with pytest.raises(expected):
            faulty.store.put("a", b"x")
    assert faulty.behind.list() == (["a"] if is_done else [])
    faulty.store.put("b", b"x")
    assert faulty.fates() == {fault: 1, "ok": 1}


def test_answers_end_early(faulty: Proxy[S3Double]):
    faulty.behind.put("a", b"x" * 1000)
    faulty.set(truncate=1, only="GET .*/a$")
    with pytest.raises(http.client.IncompleteRead) as cut:
        faulty.store.get("a")
    assert cut.value.partial == b"x" * 500
    assert faulty.store.list() == ["a"]
    assert faulty.fates() == {"truncate": 1, "ok": 1}


def test_the_same_seed_makes_the_same_faults(faulty: Proxy[S3Double]):
    def fates(seed: int) -> list[bool]:
        faulty.set(error_500=0.2, error_503=0.2, seed=seed)
        return [bool(statuses_of(faulty.store)) for _ in range(40)]

    assert fates(1) == fates(1) != fates(2)
    assert set(faulty.fates()) == {"ok", "error_500", "error_503"}


def statuses_of(store: Store) -> int:
    try:
        store.list()
    except Refused as refused:
        return refused.status
    return 0


def test_requests_that_are_under_way(faulty: Proxy[S3Double]):
    faulty.set(latency_ms=300)
    assert statuses(lambda n: faulty.store.put(f"{n}", b"")) == {200: THREADS}
    assert faulty.peak() == THREADS
    assert faulty.requests() == THREADS


def test_a_database(postgres: Database, postgres_server: Database):
    postgres.sql("create table t (n int); insert into t values (1), (2)")
    assert postgres.sql("select n, n + 1 from t order by n") == "1|2\n2|3"
    assert (
        postgres_server.fresh().sql("select count(*) from pg_tables where tablename = 't'") == "0"
    )


ORPHANS = """
import sys
sys.path.insert(0, sys.argv[1])
import servers
with servers.s3_double() as store, servers.proxy(store) as line:
    print(store.endpoint, line.store.endpoint, flush=True)
    sys.stdin.read()
"""


def test_servers_end_with_who_started_them():
    child = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", ORPHANS, str(Path(__file__).parent)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with child:
        ports = [int(url.rpartition(":")[2]) for url in child.stdout.readline().split()]
        assert [is_open(port) for port in ports] == [True, True]
        child.send_signal(signal.SIGKILL)
    for port in ports:
        while is_open(port):
            pass


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


@pytest.mark.parametrize(("is_ci", "outcome"), [("1", "Failed"), ("", "Skipped")])
def test_a_missing_package(monkeypatch: pytest.MonkeyPatch, is_ci: str, outcome: str):
    @contextmanager
    def server():
        raise servers.NotInstalled("`x` is missing")
        yield

    monkeypatch.setenv("CI", is_ci)
    with pytest.raises(BaseException, match="`x` is missing") as caught, started(server()):
        pass
    assert type(caught.value).__name__ == outcome
