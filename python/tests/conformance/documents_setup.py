"""Makes what examples find: documents_setup.py DATA.

Or runs one: documents_setup.py DATA EXAMPLE DOCUMENT HEADING. Most examples are parts of a whole:
`chain` is a chain that they do not make, and `compute_embedding` a function of theirs.
"""

from __future__ import annotations

import csv
import os
import re
import sqlite3
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

from documents_files import PETS, make_database, make_files, make_work, write_known
from pydantic import BaseModel, Field

import lakebed as dc

DATA = Path(sys.argv[1])
CLIENTS = ("load_model", "load_embedding_model", "model_a_client", "model_b_client")
"""Functions that connect to something."""


class Usage(BaseModel):
    prompt_tokens: int = 5
    completion_tokens: int = 7
    total_tokens: int = 12


class Message(BaseModel):
    content: str = "Success: it went well"


class Choice(BaseModel):
    message: Message = Message()


class Response(dc.DataModel):
    usage: Usage = Usage()
    choices: list[Choice] = Field(default_factory=lambda: [Choice()])


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


class Key(BaseModel):
    id: int
    name: str = "a"


class Detected(BaseModel):
    label: str = "cat"
    confidence: float = 0.95
    bbox: list[float] = [0.0, 1.0, 2.0, 3.0]


class Answer(BaseModel):
    text: str = '{"sentiment": "good", "confidence": 0.9, "topics": ["pets"]}'


class Answers(BaseModel):
    content: list[Answer] = [Answer()]


class Connection:
    """Stands for a client of a service."""

    @property
    def messages(self) -> Connection:
        return self

    def create(self, model: str) -> Answers:  # noqa: ARG002
        return Answers()


def embedding(file: dc.File) -> list[float]:
    return [float(file.size), 1.0, 0.5]


def scored(file: dc.File) -> Score:
    return Score(score=0.95 if file.size else 0.1)


def severity(file: dc.File) -> float:
    return float(file.size)


def detected(file: dc.File) -> Detected:
    return Detected(confidence=1.0 if file.size else 0.0)


def of_chunk(chunk: Page) -> list[float]:
    return [float(len(chunk.text)), 1.0]


def classified(chunk: Page, client: Connection) -> str:
    return f"{type(client).__name__} {len(chunk.text)}"


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
    files.mutate(diagnosis="anomaly").save("scan_classifications")
    infos = [Info(width=width) for width in (401, 600, 700)]
    three = dc.read_values(id=[1, 2, 3], info=infos)
    folder = (DATA / "bucket" / "images").as_uri()
    plain = [dc.File.at(f"{folder}/{name}").resolve() for name in PETS]
    three = three.merge(dc.read_values(id=[1, 2, 3], file=plain), on="id").select_except("right_id")
    pets = rows.select("id", "emb").merge(three, on="id", inner=True)
    for name in ("pets_images", "pets_embeddings"):
        (pets.select_except("emb") if name == "pets_images" else pets).save(name)
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
    keys = [Key(id=1), Key(id=2)]
    return known | {
        "dc": dc,
        "chain": chain(),
        "a": dc.read_values(id=[1, 2], a=keys),
        "b": dc.read_values(id=[1, 2], b=keys),
        "c": dc.read_values(id=[1, 2], c=keys),
        "csv": csv,
        "os": os,
        "PROMPT": "Was this dialog successful?",
        "Column": dc.Column,
        "df": pd.DataFrame({"label": ["cat", "dog"]}),
        "paths": ["a", "b"],
        "labels": ["cat", "dog"],
        "target_embedding": [1.0, 0.0, 0.5],
        "engine": sqlalchemy.create_engine(f"sqlite:///{DATA}/server.db"),
        "expensive_llm_call": scored,
        "classify": scored,
        "predict": lambda file, model: (file.size, str(model))[0],
        "run_model": lambda file: file.size,
        "run_detector": detected,
        "score_severity": severity,
        "generate_summary": lambda raw_text: raw_text[:3],
        "classify_sentiment": lambda text: text.lower(),
        "split_pdf": pages,
        "extract_pages": pages,
        "embed": lambda text: [float(len(text))],
        "embed_chunk": of_chunk,
        "run_model_a": answered,
        "run_model_b": answered,
        "create_llm_client": Connection,
        "create_anthropic_client": Connection,
        "Iterator": Iterator,
        "Dialog": Dialog,
        "ChatCompletionResponse": Response,
        "Mapper": dc.Mapper,
        "BaseModel": BaseModel,
        **dict.fromkeys(CLIENTS, Connection),
    }


def of_document(document: str, heading: str) -> dict[str, Any]:
    """What is there for one example alone: names, or what it finds saved."""
    match document.removeprefix("docs/"), heading:
        case "getting-started/python.md" | "guide/python-engine.md", serializing if (
            serializing.startswith("Serializing")
        ):
            mistralai = import_module("mistralai")
            return {"Mistral": mistralai.Mistral, "MistralClient": mistralai.Mistral}
        case "guide/multi-stage-pipelines.md", "Stage Boundaries":
            return {"classify": classified}
        case "guide/namespaces.md", "Examples":
            dc.create_project("dev", "my-project")
        case "guide/namespaces.md", _:
            dc.read_values(scores=[1.2]).save("dev.analytics.metrics")
        case "guide/datasets.md", "Management":
            dc.create_project("scratch", "old")
            dc.delete_namespace("scratch.old")
        case "guide/exporting-data.md", "Writing to Databases":
            with sqlite3.connect(DATA / "server.db") as server:
                server.execute("DROP TABLE products")
            return {"chain": chain().select_except("name")}
        case "guide/operations.md", "Merging Files with Metadata":
            write_known(DATA / "bucket" / "images")
    return {}


def main() -> None:
    if len(sys.argv) == 2:
        make_files(DATA)
        make_work(DATA.parent / "work")
        make_database(DATA)
        make_datasets()
        return
    script, document, heading = sys.argv[2:]
    code = Path(script).read_text()
    sys.path[:0] = [str(Path.cwd()), *filter(None, [os.environ["STAND_INS"]])]
    held = vars(sys.modules["__main__"])
    # these call functions whose names examples give to something else
    known = of_document(document, heading)
    held.update(names() | known)
    # columns that the example makes itself
    made = set(re.findall(r"\.(?:map|gen)\(\s*(\w+)=", code))
    for output in re.findall(r"output=({[^}]*})", code):
        made.update(re.findall(r'"(\w+)":', output))
    held["chain"] = held["chain"].select_except(*sorted(made & set(held["chain"].schema)))
    sys.argv = [script]
    exec(compile(code, script, "exec"), held)  # noqa: S102  what it is for


if __name__ == "__main__":
    main()
