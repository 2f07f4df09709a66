"""`Lineage`: what a version was made of, or what was made of it, step by step."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, overload

from lakebed._cli.text import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from lakebed.session import Session

__all__ = ["Lineage", "LineageNode", "lineage_of"]

_LINES = 200
"""So many lines of a lineage are printed."""


@dataclass(frozen=True)
class LineageNode:
    """A version of a dataset, or a place where files were found.

    Attributes:
        type: `dataset` or `storage`.
        name: The dataset's name; the URI of a place.
        namespace: The dataset's; empty for a place.
        project: The same.
        version: The number; that of the listing for a place, None if it was not listed.
        status: `complete` or `removed`; `missing` when the catalog knows no more than the
            name, `unlisted` for a place that a chain looks at when it runs.
        created_at: When it was made.
        script: The script that made it, or what else the run is called.
        job: The id of that run.
        git_commit: The commit of the script.
        author: Who ran it.
        depth: How many steps it is away.
        made_of: What it was made of, as `namespace.project.name@version` or `uri@version`.
        used_by: What was made of it, in the same form.
    """

    type: Literal["dataset", "storage"]
    name: str
    namespace: str = ""
    project: str = ""
    version: str | None = None
    status: str = "complete"
    created_at: datetime | None = None
    script: str = ""
    job: str = ""
    git_commit: str = ""
    author: str = ""
    depth: int = 0
    made_of: tuple[str, ...] = ()
    used_by: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The form that `made_of` and `used_by` have."""
        full = self.name
        if self.type == "dataset":
            full = f"{self.namespace}.{self.project}.{self.name}"
        return full if self.version is None else f"{full}@{self.version}"

    @property
    def removed(self) -> bool:
        """Whether its rows are gone."""
        return self.status in ("removed", "missing")

    def __str__(self) -> str:
        text = shown(self.id.removeprefix("local.local."))
        if self.status != "complete":
            text += f" ({self.status})"
        made = f"{self.created_at:%Y-%m-%d %H:%M}" if self.created_at else ""
        by = self.script.rpartition("/")[2] if self.type == "dataset" else ""
        return "  ".join(part for part in (text, made, shown(by)) if part)


class Lineage(Sequence[LineageNode]):
    """Nodes, the nearest first; each is there once. It prints as a tree.

    Attributes:
        direction: `up` to what things were made of, `down` to what was made of them.
    """

    def __init__(self, nodes: Sequence[LineageNode], direction: str) -> None:
        """Keep the nodes in their order."""
        self._nodes = tuple(nodes)
        self.direction = direction

    @overload
    def __getitem__(self, index: int) -> LineageNode: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[LineageNode, ...]: ...
    def __getitem__(self, index: int | slice) -> LineageNode | tuple[LineageNode, ...]:
        return self._nodes[index]

    def __len__(self) -> int:
        return len(self._nodes)

    def to_records(self) -> list[dict[str, Any]]:
        """The nodes as dicts."""
        return [{"id": node.id} | asdict(node) for node in self._nodes]

    def __repr__(self) -> str:
        lines = self._lines()
        if not lines:
            return "nothing is known of where the rows come from"
        if len(lines) > _LINES:
            lines[_LINES:] = [f"… and {len(lines) - _LINES} more lines"]
        return "\n".join(lines)

    def _lines(self) -> list[str]:
        """A tree, drawn without recursion: lineages may be thousands of steps long."""
        nodes = {node.id: node for node in self._nodes}
        first = min((node.depth for node in self._nodes), default=0)
        todo = [(node, "", "") for node in reversed(self._nodes) if node.depth == first]
        lines: list[str] = []
        seen: set[str] = set()
        while todo:
            node, mark, indent = todo.pop()
            ids = node.made_of if self.direction == "up" else node.used_by
            below = [nodes[one] for one in ids if one in nodes]
            again = node.id in seen and bool(below)
            lines.append(f"{mark}{node}{' …' if again else ''}")
            if again:
                continue
            seen.add(node.id)
            for number, inner in enumerate(reversed(below)):
                last = number == 0
                branch = "└─ " if last else "├─ "
                todo.append((inner, indent + branch, indent + ("   " if last else "│  ")))
        return lines


def lineage_of(
    session: Session,
    versions: Iterable[tuple[str, str]],
    direction: Literal["up", "down"],
    depth: int | None,
    *,
    places: Sequence[str] | None = None,
) -> Lineage:
    """The lineage of versions, by full names and numbers.

    With `places`, they are what a chain reads, and so one step away from it.
    """
    graph = _Graph(session)
    start = 0 if places is None else 1
    todo = deque((version, start) for version in versions)
    found: dict[tuple[str, str], LineageNode] = {}
    while todo:
        version, away = todo.popleft()
        if version in found or (depth is not None and away > depth):
            continue
        found[version] = replace(graph.node(version), depth=away)
        ahead = graph.made_of(version) if direction == "up" else graph.used_by[version]
        todo.extend((one, away + 1) for one in ahead)
    unlisted = [
        LineageNode("storage", place, status="unlisted", depth=1)
        for place in places or ()
        if depth is None or depth > 0
    ]
    return Lineage(sorted([*unlisted, *found.values()], key=lambda node: node.depth), direction)


class _Graph:
    """All versions that the catalog knows, and what was made of what."""

    def __init__(self, session: Session) -> None:
        self._records: dict[tuple[str, str], Mapping[str, Any]] = {}
        self.used_by: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
        self._job = cache(session._native.job)
        for record in session._native.versions(include_removed=True):
            if record["namespace"] == "system" and record["project"].startswith("session_"):
                continue
            full = ".".join(record[part] for part in ("namespace", "project", "name"))
            version = (full, record["version"])
            self._records[version] = record
            for source in record["made_of"]:
                self.used_by[source].append(version)

    def made_of(self, version: tuple[str, str]) -> list[tuple[str, str]]:
        record = self._records.get(version)
        return record["made_of"] if record else []

    def node(self, version: tuple[str, str]) -> LineageNode:
        """What is known of a version."""
        named = self._named(version)
        record = self._records.get(version)
        if record is None:
            return replace(named, status="missing")
        job = self._job(record["job"]) if record["job"] else {}
        return replace(
            named,
            status=record["status"],
            created_at=record["created_at"],
            script=job.get("name") or "",
            job=record["job"] or "",
            git_commit=job.get("git_commit") or "",
            author=job.get("author") or "",
            made_of=tuple(self._named(one).id for one in self.made_of(version)),
            used_by=tuple(self._named(one).id for one in self.used_by[version]),
        )

    def _named(self, version: tuple[str, str]) -> LineageNode:
        namespace, project, name = version[0].split(".")
        if (namespace, project) != ("system", "listings"):
            return LineageNode("dataset", name, namespace, project, version[1])
        record = self._records.get(version) or {}
        return LineageNode("storage", record.get("description") or name, version=version[1])
