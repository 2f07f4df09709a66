"""Namespaces: the outer folders of dataset names, `namespace.project.name`.

Saving a dataset makes its namespace and project. Who makes one ahead can describe it.
"""

from __future__ import annotations

from lakebed._folders import LOCAL, SYSTEM, Namespace, namespaces, projects
from lakebed._hint import did_you_mean
from lakebed.exceptions import (
    InvalidDatasetNameError,
    InvalidNamespaceNameError,
    NamespaceCreateNotAllowedError,
    NamespaceDeleteNotAllowedError,
    NamespaceNotFoundError,
)
from lakebed.session import Session

__all__ = ["Namespace", "create", "delete_namespace", "get", "ls"]


def create(name: str, descr: str | None = None, session: Session | None = None) -> Namespace:
    """Make a namespace, with a description; one that is there stays as it is.

    Args:
        name: Its name.
        descr: What it is for.
        session: Where to make it; see `Session`.

    Raises:
        InvalidNamespaceNameError: The name is none.
        NamespaceCreateNotAllowedError: The name is `system`.

    Examples:
        >>> import lakebed as dc
        >>> from lakebed.namespaces import create
        >>> create("lab", "of the zoo", session=dc.Session.get(in_memory=True)).descr
        'of the zoo'
    """
    if name == SYSTEM:
        msg = f"namespace `{name}` is for what is not made by users: choose another name"
        raise NamespaceCreateNotAllowedError(msg)
    held = Session.get(session)
    try:
        held._native.make_folder(name, None, descr)
    except InvalidDatasetNameError as error:
        why = str(error).replace("invalid dataset name", "invalid namespace name", 1)
        raise InvalidNamespaceNameError(why) from None
    return namespaces(held)[name]


def get(name: str, session: Session | None = None) -> Namespace:
    """The namespace of this name.

    Raises:
        NamespaceNotFoundError: There is none.
    """
    known = namespaces(Session.get(session))
    if name not in known:
        msg = f"namespace `{name}` does not exist{did_you_mean(name, list(known))}"
        raise NamespaceNotFoundError(msg)
    return known[name]


def ls(session: Session | None = None) -> list[Namespace]:
    """All namespaces, by name."""
    return list(namespaces(Session.get(session)).values())


def delete_namespace(name: str, session: Session | None = None) -> None:
    """Remove a namespace without projects, or, as `namespace.project`, a project without datasets.

    Args:
        name: `namespace` or `namespace.project`.
        session: Where to remove it; see `Session`.

    Raises:
        NamespaceNotFoundError: There is no such namespace.
        NamespaceDeleteNotAllowedError: It has projects, or it is `local` or `system`.
        ProjectNotFoundError: There is no such project.
        ProjectDeleteNotAllowedError: It has datasets, or it is `local.local` or of `system`.
    """
    from lakebed.projects import delete

    namespace, _, project = name.partition(".")
    if project:
        delete(project, namespace, session)
        return
    held = Session.get(session)
    get(namespace, held)
    if namespace in (LOCAL, SYSTEM):
        msg = f"namespace `{namespace}` cannot be removed: it is always there"
        raise NamespaceDeleteNotAllowedError(msg)
    count = sum(outer == namespace for outer, _ in projects(held))
    if count:
        msg = f"namespace `{namespace}` cannot be removed: it has {count} project(s)"
        hint = "hint: remove them first, as `namespace.project`"
        raise NamespaceDeleteNotAllowedError(f"{msg}; {hint}")
    held._native.forget_folder(namespace, None)
