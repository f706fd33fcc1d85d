"""Private folders of runs, and the project's own places."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from aidlib.reference import problem, project_folder
from aidlib.reference.messages import suggestion
from aidlib.report import Declaration, declaration

_LOCK = ".lock"
_REPORT = re.compile(r"[a-z][a-z0-9_]{0,39}")


@dataclass(frozen=True)
class Project:
    """Where a project's notebooks, declarations and texts lie."""

    root: Path

    @classmethod
    def find(cls) -> Project:
        """The project around the working folder, else the one this package is installed from."""
        return cls(project_folder() or Path(__file__).resolve().parents[2])

    @property
    def reports(self) -> Path:
        """Declarations, ``<name>.yml``."""
        return self.root / "reports"

    @property
    def editions(self) -> Path:
        """Where editions are published by default."""
        return self.reports / "editions"

    def declaration(self, report: str) -> Path:
        """The file of the declaration of ``report``."""
        return self.reports / f"{report}.yml"

    def load(self, report: str) -> Declaration:
        """The declaration of ``report``. Raises Problem for a name that is none, before any path is made of it."""
        if not _REPORT.fullmatch(report):
            known = sorted(path.stem for path in self.reports.glob("*.yml"))
            raise problem(
                "report.no_declaration",
                wrong_use=True,
                file=repr(report[:40]),
                known=", ".join(known) or "–",
                **suggestion(report[:40], known),
            )
        return declaration(self.declaration(report))

    def notebook(self, chapter: str) -> Path:
        """The notebook of a declared chapter."""
        return self.root / "notebooks" / f"{chapter}.ipynb"


@contextmanager
def private_folder(parent: Path, prefix: str) -> Iterator[Path]:
    """A new folder in ``parent`` (mode 0700) that is gone afterwards; those of runners that died are swept first.

    A living runner holds the lock in its folder, so that a runner cannot sweep another one's.
    """
    parent.mkdir(parents=True, exist_ok=True)
    _sweep(parent, prefix)
    folder, lock = _locked(parent, prefix)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def sync(path: Path) -> None:
    """Have the file or folder ``path`` on the disk before going on."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _locked(parent: Path, prefix: str) -> tuple[Path, int]:
    """A new folder and its held lock; made anew if another runner swept it between its making and its locking."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        lock = os.open(folder / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (folder / _LOCK).exists():
            return folder, lock
        os.close(lock)


def _sweep(parent: Path, prefix: str) -> None:
    for folder in parent.glob(f"{prefix}*"):
        try:
            lock = os.open(folder / _LOCK, os.O_RDWR)
        except OSError:
            continue  # just being made, or just being removed, by another runner
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except BlockingIOError:
            pass
        finally:
            os.close(lock)
