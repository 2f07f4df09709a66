"""What examples leave out, or have wrong: changes without which they run nowhere, and why."""

from __future__ import annotations

NOT_CLOSED = "its code completed"
FIELDS = "`to_pandas` has columns of two levels, for the peer as well"
MADE_UP = "for the columns that it names, `chain` has rows that have them"
MACHINES = "without `workers`, for which the peer needs its service"
COLUMN = "with `datasets(column=...)`, which the peer needs as well"

FAILS = {("docs/guide/checkpoints.md", "Example", 1): "can't handle cats"}
"""Examples of an error, and that error."""

WRONG = {
    ("README.md", "5.3. Incremental updates", 1): "shows a terminal, and is no Python",
    ("docs/guide/namespaces.md", "Signature", 1): "a signature, without a body",
    ("examples/llm_and_nlp/hf-dataset-llm-eval.py", "", 1): "needs a service of Hugging Face",
    ("docs/guide/namespaces.md", "How Namespace and Project Are Resolved", 2): (
        "neither here nor there `settings` is a function of the module"
    ),
    ("docs/guide/datasets.md", "Comparing Versions", 2): (
        "neither here nor there `read_storage` has an option `version`"
    ),
}
"""Examples that the peer does not run either, or not without a service."""

EDITS: dict[tuple[str, str, int], tuple[str, str, str]] = {
    ("docs/concepts/compute-engine.md", "Storage Native, Database As Bridge", 1): (
        ", workers=50",
        "",
        MACHINES,
    ),
    ("docs/guide/python-engine.md", "Execution and Scale", 1): (", workers=60", "", MACHINES),
    ("docs/guide/scaling.md", "Distributed Execution", 1): (", workers=50", "", MACHINES),
    ("docs/concepts/files-and-types.md", "DataModel and Custom Types", 1): (
        "audio=file, ...",
        'audio=file.get_fragment(0, 1), id=1, channel="left", rms=0.5',
        NOT_CLOSED,
    ),
    ("docs/guide/namespaces.md", "Using `.settings()` to Set Namespace and Project", 1): (
        "\n  .",
        ".",
        NOT_CLOSED,
    ),
    ("docs/guide/python-engine.md", "Mapper: map()", 1): (", ...)", ")", NOT_CLOSED),
    ("docs/guide/python-engine.md", "Structured Output Validation", 1): (", ...)", ")", NOT_CLOSED),
    ("docs/concepts/dataset-db.md", "Dataset Registry", 1): (
        "datasets()",
        'datasets(column="dataset")',
        COLUMN,
    ),
    ("docs/guide/datasets.md", "Management", 1): (
        "datasets()",
        'datasets(column="dataset")',
        COLUMN,
    ),
    ("docs/guide/best-practices.md", "Use Native Analytics, Not Pandas", 1): (
        "to_pandas()",
        "to_pandas(flatten=True)",
        FIELDS,
    ),
    ("docs/guide/operations.md", "Filtering and Selecting", 1): (
        'chain = dc.read_storage("s3://bucket/data/")\n',
        "",
        MADE_UP,
    ),
    ("docs/guide/operations.md", "Mutate", 1): (
        'dc.read_storage("s3://bucket/images/")',
        "chain",
        MADE_UP,
    ),
    ("docs/guide/operations.md", "Reading and Combining", 1): (
        'type="image")',
        'type="image").map(id=lambda file: file.path.split(".")[-2])',
        "its pictures have no `id`, for the peer neither",
    ),
}
"""What stands in an example, what is run in its place, and why."""
