"""The files and tables that examples find: small ones of the kinds that they name."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
import tarfile
from itertools import product
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

PETS = ("cat.1.jpg", "cat.2.jpg", "dog.3.jpg")
IMAGES = (
    *("bucket/images", "bucket/images/train", "bucket/data", "bucket/dogs-and-cats"),
    *("datachain-demo/dogs-and-cats", "dc-readme/oxford-pets-micro/images", "bucket/frames"),
    *("bucket/dataset/train", "bucket/dataset/test", "bucket-a/train", "bucket-b/test"),
    *("bucket/coco2017/images/val", "source-bucket/raw", "mybucket/dir1", "bucket/incoming"),
    *("my-bucket/data", "bucket-name/path", "bucket-name/path/to/data", "container/data"),
    *("datachain-demo/openimages-v6-test-jsonpairs", "container-name/path", "my-bucket/my-dir"),
    *("datachain-demo/open-images-v6", "datachain-demo/50k-laion-files/000000"),
    "datasets/mozilla-foundation/common_voice_17_0/audio/en",
)
DESCRIBED = (
    *("bucket/dogs-and-cats", "datachain-demo/dogs-and-cats"),
    "datachain-demo/openimages-v6-test-jsonpairs",
)
"""Those that have what is known of a picture beside it."""

SOUNDS = (
    *("mybucket/audio_dir", "datachain-demo/musdb18"),
    "datachain-demo/speech-emotion-recognition-dataset",
)
VIDEOS = ("bucket/videos", "videos")
TEXTS = ("docs", "datachain-demo/chatbot-KiT", "datachain-demo/nlp-cnn-stories")
COCO = {
    "images": [{"id": 1, "file_name": "cat.1.jpg"}, {"id": 2, "file_name": "dog.3.jpg"}],
    "annotations": [{"image_id": 1, "caption": "a cat"}, {"image_id": 2, "caption": "a dog"}],
    "licenses": [{"url": "https://example.org", "id": 1, "name": "free"}],
}
KNOWN: dict[str, Any] = {
    "class": "cat",
    "inference": {"class": "cat", "confidence": 0.95},
    "confidence": 0.95,
    "detections": [{"XMin": 0.1, "YMin": 0.2, "XMax": 0.5, "YMax": 0.6}],
}
JSON_FILES = (
    *("bucket/annotations.json", "bucket/coco.json", "bucket/data.json"),
    *("bucket/specific-file.json", "bucket/coco2017/annotations/captions_val2017.json"),
    "datachain-demo/coco2017/annotations_captions/captions.json",
)
ROWS = [
    {"id": 1, "path": "cat.1.jpg", "label": "cat", "session_id": "s", "text": "hi", "sender": "a"},
    {"id": 2, "path": "dog.3.jpg", "label": "dog", "session_id": "s", "text": "bye", "sender": "b"},
]
CSV_FILES = (
    *("bucket/labels.csv", "bucket/metrics.csv", "bucket/csvs/one.csv", "logs.csv"),
    "datachain-demo/laion-aesthetics-csv/laion_aesthetics_1024_33M_1.csv",
)


def make_files(data: Path) -> None:
    """Pictures with what is known of them, sounds, videos, texts, tables."""
    for number, folder in enumerate(IMAGES):
        for at, name in enumerate(PETS):
            path = _place(data / folder / name)
            path.write_bytes(picture((500 + at, 400), (number, at, 0)))
    for folder in DESCRIBED:
        write_known(data / folder)
    for folder in SOUNDS:
        write_sound(_place(data / folder / "one.wav"))
    for folder in VIDEOS:
        write_video(_place(data / folder / "one.mp4"))
    for folder in TEXTS:
        for name in ("1.txt", "2.txt", "one.pdf", "one.story"):
            _place(data / folder / name).write_text(f"It went well, {name}")
    _place(data / "bucket/path/to/file.png").write_text("what a picture tells")
    make_tables(data)
    make_samples(data / "datachain-demo")
    make_arrays(data / "datachain-demo")


def make_tables(data: Path) -> None:
    """Rows in files."""
    for name in JSON_FILES:
        _place(data / name).write_text(json.dumps(COCO))
    pair = data / "datachain-demo/openimages-v6-test-jsonpairs/08392c290ecc9d2a.json"
    pair.write_text(json.dumps(KNOWN | {"id": "9"}))
    pair.with_suffix(".jpg").write_bytes(picture((500, 400), (9, 9, 9)))
    _place(data / "bucket/labels/all.json").write_text(json.dumps([KNOWN | {"id": "1"}]))
    _place(data / "datachain-demo/jsonl/object.jsonl").write_text('{"a": 1}\n{"a": 2}\n')
    for name in CSV_FILES:
        write_csv(_place(data / name), ROWS)
    chat = {"id": 1, "count": 2, "sender": "user", "text": "hi"}
    write_csv(_place(data / "datachain-demo/chatbot-csv/chat.csv"), [chat])
    labels = {"id": [1, 2], "label": ["cat", "dog"]}
    write_parquet(_place(data / "bucket/data/one.parquet"), labels)
    for year, color, month in product(range(2021, 2025), ("yellow", "green"), range(1, 13)):
        write_parquet(_place(data / f"bucket/{year}/{color}-{month:02}.parquet"), labels)


def make_samples(demo: Path) -> None:
    """An archive of pictures with their captions, and what is published beside it."""
    import numpy as np

    known = {"uid": "a", "width": 300, "height": 300, "original_width": 400, "original_height": 300}
    members = {
        "000000000.jpg": picture((300, 300), (9, 9, 9)),
        "000000000.json": json.dumps(known).encode(),
        "000000000.txt": b"a cat on a mat",
    }
    with tarfile.open(_place(demo / "datacomp-small/shards/00000000.tar"), "w") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    shards = demo / "datacomp-small/shards"
    _place(shards / "more/00000000.tar").write_bytes((shards / "00000000.tar").read_bytes())
    name = _place(demo / "datacomp-small/metadata/0020f1")
    write_parquet(name.with_suffix(".parquet"), {"uid": ["a"], "text": ["a cat on a mat"]})
    vectors = ("b32_img", "b32_txt", "l14_img", "l14_txt", "dedup")
    np.savez(name.with_suffix(".npz"), **{vector: np.ones((1, 4)) for vector in vectors})
    for path in (demo / "50k-laion-files/000000").glob("*.jpg"):
        path.rename(path.with_name(f"00000000{path.name[4]}.jpg"))
        path.with_name(f"00000000{path.name[4]}.txt").write_text("a pet")


def make_arrays(demo: Path) -> None:
    """An episode of a robot, as a store of arrays."""
    import numpy as np
    import zarr

    place = str(demo / "robot-frames-zarr/one.zarr")
    episode = zarr.open_group(place, mode="w", zarr_format=2)
    frames = episode.create_array("workspace_rgb", shape=(4, 48, 64, 3), dtype="uint8")
    frames[:] = np.full((4, 48, 64, 3), 9, "uint8")
    text = episode.create_array("language_instruction", shape=(1,), dtype="S20")
    text[:] = np.array([b"lift the cup"])


def make_work(work: Path) -> None:
    """What examples find in the folder that they run in."""
    write_csv(work / "labels.csv", ROWS)
    labels = {"id": [1, 2], "label": ["cat", "dog"]}
    write_parquet(_place(work / "exported_datasets/labels.1.0.0.parquet"), labels)
    write_parquet(_place(work / "beans/train.parquet"), labels)
    for name in ("fiona.jpg", "mycat.jpg"):
        (work / name).write_bytes(picture((300, 300), (9, 9, 9)))


def make_database(data: Path) -> None:
    """Tables on the server that examples read and write."""
    with sqlite3.connect(data / "server.db") as server:
        server.execute("CREATE TABLE experiments (id INTEGER, name TEXT)")
        server.execute("CREATE TABLE products (id INTEGER, category TEXT)")
        server.execute("CREATE TABLE articles (id INTEGER, name TEXT, raw_text TEXT)")
        server.execute("CREATE TABLE reviews (id INTEGER, text TEXT)")
        server.execute("INSERT INTO products VALUES (1, 'electronics'), (2, 'toys')")
        server.execute("INSERT INTO articles VALUES (1, 'a', 'a text')")
        server.execute("INSERT INTO reviews VALUES (1, 'good')")


def picture(size: tuple[int, int], color: tuple[int, int, int]) -> bytes:
    """A picture of one color, with a name in its EXIF."""
    from PIL import Image

    made, written = Image.new("RGB", size, color), io.BytesIO()
    exif = made.getexif()
    exif[0x010E] = "a pet"
    made.save(written, "JPEG", exif=exif)
    return written.getvalue()


def write_known(folder: Path) -> None:
    """What is known of the pictures, beside them."""
    for at, name in enumerate(PETS):
        path = (folder / name).with_suffix(".json")
        path.write_text(json.dumps(KNOWN | {"id": str(at + 1)}))


def write_sound(path: Path) -> None:
    """A second of a tone, on two channels."""
    import numpy as np
    import soundfile

    tone = np.sin(np.arange(8000) / 5)
    soundfile.write(path, np.stack([tone, -tone], 1), 8000)


def write_video(path: Path) -> None:
    """Two seconds that grow brighter."""
    import av
    import numpy as np

    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(60):
            pixels = np.full((48, 64, 3), 4 * number, np.uint8)
            output.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        output.mux(stream.encode(None))


def write_csv(path: Path, rows: list[dict[str, Any]]) -> None:
    """A table with a header."""
    with path.open("w", newline="") as opened:
        table = csv.DictWriter(opened, list(rows[0]))
        table.writeheader()
        table.writerows(rows)


def write_parquet(path: Path, columns: dict[str, list[Any]]) -> None:
    """The same as Parquet."""
    import pyarrow as pa
    from pyarrow import parquet

    parquet.write_table(pa.table(columns), path)


def _place(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
