"""Makes what examples find: documents_setup.py DATA. Or runs one: documents_setup.py DATA EXAMPLE.

Most examples are parts of a whole: `chain` is a chain that they do not make, and
`compute_embedding` a function of theirs. The files are small ones of the kinds that they name.
"""

from __future__ import annotations

import csv
import json
import re
import sqlite3
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import BaseModel

import lakebed as dc

DATA = Path(sys.argv[1])
PETS = ("cat.1.jpg", "cat.2.jpg", "dog.3.jpg")
IMAGES = (
    *("bucket/images", "bucket/images/train", "bucket/data", "bucket/dogs-and-cats"),
    *("datachain-demo/dogs-and-cats", "dc-readme/oxford-pets-micro/images", "bucket/frames"),
    *("bucket/dataset/train", "bucket/dataset/test", "bucket-a/train", "bucket-b/test"),
    *("bucket/coco2017/images/val", "source-bucket/raw", "mybucket/dir1", "bucket/incoming"),
    *("my-bucket/data", "bucket-name/path", "bucket-name/path/to/data", "container/data"),
    *("datachain-demo/openimages-v6-test-jsonpairs", "container-name/path", "my-bucket/my-dir"),
)
TEXTS = ("docs", "datachain-demo/chatbot-KiT", "datachain-demo/nlp-cnn-stories")
COCO = {
    "images": [{"id": 1, "file_name": "cat.1.jpg"}, {"id": 2, "file_name": "dog.3.jpg"}],
    "annotations": [{"image_id": 1, "caption": "a cat"}, {"image_id": 2, "caption": "a dog"}],
    "licenses": [{"url": "https://example.org", "id": 1, "name": "free"}],
}
JSON_FILES = (
    *("bucket/annotations.json", "bucket/coco.json", "bucket/data.json"),
    *("bucket/specific-file.json", "bucket/coco2017/annotations/captions_val2017.json"),
    *("datachain-demo/coco2017/annotations_captions/captions.json", "bucket/labels/all.json"),
)
CSV_FILES = (
    *("bucket/labels.csv", "bucket/metrics.csv", "bucket/csvs/one.csv", "logs.csv"),
    *("datachain-demo/chatbot-csv/chat.csv", "labels.csv"),
    "datachain-demo/laion-aesthetics-csv/laion_aesthetics_1024_33M_1.csv",
)
ROWS = [
    {"id": 1, "path": "cat.1.jpg", "label": "cat", "session_id": "s", "text": "hi", "sender": "a"},
    {"id": 2, "path": "dog.3.jpg", "label": "dog", "session_id": "s", "text": "bye", "sender": "b"},
]


def make_files() -> None:
    """Pictures with what is known of them, texts, tables."""
    from PIL import Image

    for number, folder in enumerate(IMAGES):
        place = DATA / folder
        place.mkdir(parents=True, exist_ok=True)
        for at, name in enumerate(PETS):
            Image.new("RGB", (500 + at, 400), (number, at, 0)).save(place / name)
            inference = {"class": "cat", "confidence": 0.95}
            known = {"class": "cat", "id": str(at + 1), "inference": inference, "confidence": 0.95}
            (place / name.replace(".jpg", ".json")).write_text(json.dumps(known))
    for folder in TEXTS:
        (DATA / folder).mkdir(parents=True, exist_ok=True)
        for name in ("1.txt", "2.txt", "one.pdf"):
            (DATA / folder / name).write_text(f"It went well, {name}")
    for name in JSON_FILES:
        _written(name, json.dumps(COCO))
    _written("datachain-demo/jsonl/object.jsonl", '{"a": 1}\n{"a": 2}\n')
    for name in CSV_FILES:
        (DATA / name).parent.mkdir(parents=True, exist_ok=True)
        with (DATA / name).open("w", newline="") as opened:
            table = csv.DictWriter(opened, list(ROWS[0]))
            table.writeheader()
            table.writerows(ROWS)
    Image.new("RGB", (9, 9)).save(_place("bucket/path/to/file.png"))
    for name in ("yellow-01", "green-02"):
        _write_parquet(f"bucket/2021/{name}.parquet")
    _write_parquet("bucket/data/one.parquet")


def make_database() -> None:
    """Tables on the server that examples read and write."""
    with sqlite3.connect(DATA / "server.db") as server:
        server.execute("CREATE TABLE experiments (id INTEGER, name TEXT)")
        server.execute("CREATE TABLE products (id INTEGER, category TEXT)")
        server.execute("CREATE TABLE articles (id INTEGER, name TEXT, raw_text TEXT)")
        server.execute("CREATE TABLE reviews (id INTEGER, text TEXT)")
        server.execute("INSERT INTO products VALUES (1, 'electronics'), (2, 'toys')")
        server.execute("INSERT INTO articles VALUES (1, 'a', 'a text')")
        server.execute("INSERT INTO reviews VALUES (1, 'good')")


def _place(name: str) -> Path:
    (DATA / name).parent.mkdir(parents=True, exist_ok=True)
    return DATA / name


def _written(name: str, text: str) -> None:
    _place(name).write_text(text)


def _write_parquet(name: str) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    parquet.write_table(pa.table({"id": [1, 2], "label": ["cat", "dog"]}), _place(name))


CLIENTS = (
    *("load_model", "load_embedding_model", "model_a_client", "model_b_client"),
    *("create_llm_client", "create_anthropic_client"),
)
"""Functions that connect to something."""


class Usage(BaseModel):
    prompt_tokens: int = 5
    completion_tokens: int = 7


class Response(BaseModel):
    usage: Usage = Usage()


class Score(BaseModel):
    label: str = "cat"
    score: float = 0.95


class Inference(BaseModel):
    class_: str = "cat"
    confidence: float = 0.95


class Meta(BaseModel):
    inference: Inference = Inference()
    confidence: float = 0.95


class User(BaseModel):
    name: str = "Ann"
    email: str = "ann@example.org"


class Category(BaseModel):
    category: str = "a"


class Page(BaseModel):
    text: str = "one page"


class Dialog(BaseModel):
    text: str


class Info(BaseModel):
    width: int = 500
    height: int = 400


class Connection:
    """Stands for a client of a service."""


def embedding(file: dc.File) -> list[float]:
    return [float(file.size), 1.0, 0.5]


def scored(file: dc.File) -> Score:
    return Score(score=0.95 if file.size else 0.1)


def of_chunk(chunk: Page) -> list[float]:
    return [float(len(chunk.text)), 1.0]


def answered(chunk: Page) -> Response:
    return Response(usage=Usage(prompt_tokens=len(chunk.text)))


def pages(file: dc.File) -> Iterator[Page]:
    yield Page(text=file.read_text())


def chain() -> dc.DataChain:
    """Rows with all columns that examples name."""
    start = datetime(2025, 1, 1, tzinfo=UTC)
    folder = (DATA / "bucket" / "images").as_uri()
    return dc.read_values(
        id=[1, 2, 3],
        file=[dc.ImageFile.at(f"{folder}/{name}").resolve() for name in PETS],
        name=list(PETS),
        category=["a", "b", "a"],
        label=["cat", "dog", "cat"],
        score=[0.95, 0.6, 0.1],
        tmp_score=[1, 2, 3],
        price=[1.5, 2.5, 3.5],
        quantity=[1, 2, 3],
        text=["Foo 12", "foo 3", "bar"],
        result=["x", None, "y"],
        created_at=[start + timedelta(days=day) for day in range(3)],
        embedding=[[1.0, 0.0, 0.5]] * 3,
        emb_a=[[1.0, 0.0]] * 3,
        emb_b=[[0.0, 1.0]] * 3,
        meta=[Meta()] * 3,
        detection=[Score(label="a person")] * 3,
        user=[User()] * 3,
        categories=[Category()] * 3,
        internal_id=[7, 8, 9],
    ).mutate(column=dc.C("categories"))


def make_datasets() -> None:
    """What earlier examples saved."""
    rows = chain().mutate(emb=dc.C("embedding"))
    files = rows.select("id", "file", "emb", "score", "label")
    for name in ("image_embeddings", "processed_images", "training_data", "old_experiment"):
        files.save(name)
    files.save("draft_results")
    files.save("experiment", version="1.0.0")
    files.filter(dc.C("id") > 1).save("experiment", version="2.0.0")
    infos = [Info(width=width) for width in (401, 600, 700)]
    three = dc.read_values(id=[1, 2, 3], info=infos)
    rows.select("id", "file", "emb").merge(three, on="id", inner=True).save("pets_images")
    folder = (DATA / "datachain-demo" / "chatbot-KiT").as_uri()
    texts = dc.read_values(
        file=[dc.TextFile.at(f"{folder}/{number}.txt").resolve() for number in (1, 2)],
        chunk=[Page(), Page(text="two")],
        response=[Response()] * 2,
    )
    for name in ("llm_responses", "mistral_dataset", "response"):
        texts.save(name)
    texts.select("chunk").save("chunks")
    texts.select("chunk").save("chunk_embeddings")
    for name, column in (("model_a_results", "response_a"), ("model_b_results", "response_b")):
        texts.mutate(**{column: dc.C("response")}).save(name)


def names() -> dict[str, Any]:
    """What examples take for granted."""
    import pandas as pd
    import sqlalchemy

    embeds = ("compute_embedding", "clip_embedding", "clip_image_embedding", "image_to_embedding")
    known: dict[str, Any] = dict.fromkeys(embeds, embedding)
    return known | {
        "dc": dc,
        "chain": chain(),
        "a": dc.read_dataset("model_a_results"),
        "df": pd.DataFrame({"label": ["cat", "dog"]}),
        "paths": ["a", "b"],
        "labels": ["cat", "dog"],
        "target_embedding": [1.0, 0.0, 0.5],
        "engine": sqlalchemy.create_engine(f"sqlite:///{DATA}/server.db"),
        "expensive_llm_call": scored,
        "classify": scored,
        "predict": lambda file, model: (file.size, str(model))[0],
        "run_model": lambda file: file.size,
        "generate_summary": lambda raw_text: raw_text[:3],
        "classify_sentiment": lambda text: text.lower(),
        "split_pdf": pages,
        "embed_chunk": of_chunk,
        "run_model_a": answered,
        "run_model_b": answered,
        "Iterator": Iterator,
        "Dialog": Dialog,
        "Mapper": dc.Mapper,
        "BaseModel": BaseModel,
        **dict.fromkeys(CLIENTS, Connection),
    }


def main() -> None:
    if len(sys.argv) == 2:
        make_files()
        make_database()
        make_datasets()
        return
    code = Path(sys.argv[2]).read_text()
    held = vars(sys.modules["__main__"])
    held.update(names())
    # columns that the example makes itself
    made = set(re.findall(r"\.(?:map|gen)\(\s*(\w+)=", code)) & set(held["chain"].schema)
    held["chain"] = held["chain"].select_except(*sorted(made))
    sys.argv = sys.argv[2:]
    exec(compile(code, sys.argv[0], "exec"), held)  # noqa: S102  what it is for


if __name__ == "__main__":
    main()
