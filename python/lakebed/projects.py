"""Projects: the inner folders of dataset names, `namespace.project.name`.

Saving a dataset makes its namespace and project. Who makes one ahead can describe it.
"""

from __future__ import annotations

from lakebed import namespaces
from lakebed._folders import LOCAL, SYSTEM, Project, count_datasets, projects
from lakebed._hint import did_you_mean
from lakebed.exceptions import (
    InvalidDatasetNameError,
    InvalidProjectNameError,
    ProjectCreateNotAllowedError,
    ProjectDeleteNotAllowedError,
    ProjectNotFoundError,
)
from lakebed.session import Session

__all__ = ["Project", "create", "create_project", "delete", "get", "ls"]


def create(
    namespace: str, name: str, descr: str | None = None, session: Session | None = None
) -> Project:
    """Make a project, with a description; one that is there stays as it is.

    Args:
        namespace: Where it is; made if it is not there.
        name: Its name.
        descr: What it is for.
        session: Where to make it; see `Session`.

    Raises:
        InvalidNamespaceNameError: The namespace's name is none.
        InvalidProjectNameError: The name is none.
        ProjectCreateNotAllowedError: The namespace is `system`.

    Examples:
        >>> import lakebed as dc
        >>> held = dc.Session.get(in_memory=True)
        >>> dc.create_project("lab", "cats", "all of them", session=held).namespace.name
        'lab'
    """
    if namespace == SYSTEM:
        msg = f"namespace `{namespace}` is for what is not made by users: choose another one"
        raise ProjectCreateNotAllowedError(msg)
    held = Session.get(session)
    namespaces.create(namespace, session=held)
    try:
        held._native.make_folder(namespace, name, descr)
    except InvalidDatasetNameError as error:
        why = str(error).replace("invalid dataset name", "invalid project name", 1)
        raise InvalidProjectNameError(why) from None
    return projects(held)[namespace, name]


create_project = create


def get(name: str, namespace: str, session: Session | None = None) -> Project:
    """The project of this name in a namespace.

    Raises:
        ProjectNotFoundError: There is none.
    """
    known = projects(Session.get(session))
    if (namespace, name) not in known:
        near = did_you_mean(name, [inner for outer, inner in known if outer == namespace])
        msg = f"project `{name}` does not exist in namespace `{namespace}`{near}"
        raise ProjectNotFoundError(msg)
    return known[namespace, name]


def ls(namespace: str | None = None, session: Session | None = None) -> list[Project]:
    """The projects of a namespace, or of all, by name.

    Raises:
        NamespaceNotFoundError: There is no such namespace.
    """
    held = Session.get(session)
    if namespace is not None:
        namespaces.get(namespace, held)
    found = projects(held).values()
    return [one for one in found if namespace in (None, one.namespace.name)]


def delete(name: str, namespace: str, session: Session | None = None) -> None:
    """Remove a project that has no dataset; removed datasets keep their names all the same.

    Raises:
        ProjectNotFoundError: There is no such project.
        ProjectDeleteNotAllowedError: It has datasets, or it is `local.local` or of `system`.
    """
    held = Session.get(session)
    get(name, namespace, held)
    full = f"{namespace}.{name}"
    if namespace == SYSTEM or (namespace, name) == (LOCAL, LOCAL):
        msg = f"project `{full}` cannot be removed: it is always there"
        raise ProjectDeleteNotAllowedError(msg)
    count = count_datasets(held, namespace, name)
    if count:
        msg = f"project `{full}` cannot be removed: it has {count} dataset(s)"
        raise ProjectDeleteNotAllowedError(f"{msg}; hint: remove them first")
    held._native.forget_folder(namespace, name)
