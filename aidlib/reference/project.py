"""Where a project's own folders lie. Only survey.load, rules.load and Chapter look for them."""

from __future__ import annotations

from pathlib import Path

MARK = "data/sources"


def project_folder(start: Path | None = None) -> Path | None:
    """The nearest folder at or above ``start`` (default: the working folder) that holds ``data/sources``, or None."""
    here = (start or Path.cwd()).resolve()
    return next((folder for folder in (here, *here.parents) if (folder / MARK).is_dir()), None)
