"""Namespaces and projects, as the catalog has them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    from lakebed.session import Session

LOCAL = "local"
"""The namespace and project of names that have none; always there."""

SYSTEM = "system"
"""The namespace of what users do not make themselves."""


@dataclass(frozen=True)
class Namespace:
    """The outer folder of dataset names.

    Attributes:
        name: Its name.
        descr: What it is for.
        created_at: When it was made, or its first dataset; None while `local` is empty.
    """

    name: str
    descr: str | None = None
    created_at: datetime | None = None

    @property
    def uuid(self) -> str:
        """An identity that follows from the name."""
        return _uuid(self.name)

    @property
    def id(self) -> str:
        """The same."""
        return self.uuid


@dataclass(frozen=True)
class Project:
    """The inner folder of dataset names.

    Attributes:
        name: Its name.
        namespace: Where it is.
        descr: What it is for.
        created_at: When it was made, or its first dataset; None while `local` is empty.
    """

    name: str
    namespace: Namespace
    descr: str | None = None
    created_at: datetime | None = None

    @property
    def uuid(self) -> str:
        """An identity that follows from the name."""
        return _uuid(f"{self.namespace.name}.{self.name}")

    @property
    def id(self) -> str:
        """The same."""
        return self.uuid


def _uuid(name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"ds://{name}"))


def namespaces(session: Session) -> dict[str, Namespace]:
    """All namespaces by name."""
    return {name: namespace for name, (namespace, _) in _all(session).items()}


def projects(session: Session) -> dict[tuple[str, str], Project]:
    """All projects by the names of namespace and project, without those of sessions."""
    return {
        (name, project.name): project
        for name, (_, inside) in _all(session).items()
        for project in inside
        if not (name == SYSTEM and project.name.startswith("session_"))
    }


def count_datasets(session: Session, namespace: str, project: str) -> int:
    """How many datasets with a complete version a project has."""
    records = session._native.versions(include_removed=False)
    return len(
        {r["name"] for r in records if (r["namespace"], r["project"]) == (namespace, project)}
    )


def _all(session: Session) -> dict[str, tuple[Namespace, list[Project]]]:
    rows = session._native.folders()
    own = {LOCAL: Namespace(LOCAL)}
    for row in rows:
        if row["project"] is None or row["namespace"] not in own:
            own[row["namespace"]] = _namespace(row)
    found: dict[str, tuple[Namespace, list[Project]]]
    found = {name: (namespace, []) for name, namespace in sorted(own.items())}
    inside = [row for row in rows if row["project"] is not None]
    if not any((row["namespace"], row["project"]) == (LOCAL, LOCAL) for row in inside):
        found[LOCAL][1].append(Project(LOCAL, found[LOCAL][0]))
    for row in inside:
        found[row["namespace"]][1].append(project_of(row, found[row["namespace"]][0]))
    return found


def _namespace(row: dict[str, Any]) -> Namespace:
    descr = row["description"] if row["project"] is None else None
    return Namespace(row["namespace"], descr, row["created_at"])


def project_of(row: dict[str, Any], namespace: Namespace) -> Project:
    """A project of what the catalog knows."""
    return Project(row["project"], namespace, row["description"], row["created_at"])
