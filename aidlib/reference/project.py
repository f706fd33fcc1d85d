"""Where a project's own folders lie: the one place that knows them.

The user's own reference tables (``data/reference``) are those of the project around the working folder, or of the one
that ``within`` names; survey.load, rules.load and Chapter look for the project's other folders.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

MARK = "data/sources"
_NAMED: ContextVar[Path | None] = ContextVar("project", default=None)
_FOUND: dict[Path, Path] = {}  # by working folder: labels are asked for thousands of times


def project_folder(start: Path | None = None) -> Path | None:
    """The nearest folder at or above ``start`` (default: the working folder) that holds ``data/sources``, or None."""
    here = (start or Path.cwd()).resolve()
    return next((folder for folder in (here, *here.parents) if (folder / MARK).is_dir()), None)


@contextmanager
def within(project: Path | str | None) -> Iterator[None]:
    """For the time of a ``with`` block: the user's own reference tables are those of ``project`` (None: no change)."""
    token = _NAMED.set(Path(project) if project is not None else _NAMED.get())
    try:
        yield
    finally:
        _NAMED.reset(token)


def own_tables() -> Path | None:
    """The folder of the user's own reference tables, or None without a project."""
    project = _NAMED.get() or _around(Path.cwd())
    return project / "data" / "reference" if project else None


def _around(folder: Path) -> Path | None:
    if folder not in _FOUND:
        project = project_folder(folder)
        if project is None:
            return None  # asked again next time: one may be made
        _FOUND[folder] = project
    return _FOUND[folder]
