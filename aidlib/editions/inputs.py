"""What an edition is made from, as numbers and checksums: the same inputs give the same edition."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pandas as pd

import aidlib
from aidlib.editions.folders import Project
from aidlib.report import Declaration
from aidlib.store import Store

LIBRARIES = (
    "numpy",
    "pandas",
    "pyarrow",
    "scipy",
    "matplotlib",
    "papermill",
    "ipykernel",
    "jinja2",
    "typst",
    "xlsxwriter",
)
_SOURCES = (".py", ".yml", ".csv", ".html", ".css", ".typ", ".md")


def describe(declaration: Declaration, store: Store, project: Project, regions: Sequence[str]) -> dict[str, Any]:
    """All that the editions of one run depend on: numbers of the store's manifest and checksums of files.

    The other regions of the run are among them, because the gate sees all together.
    """
    number = store.numbers()[-1]
    package = Path(aidlib.__file__).parent
    settings = [*project.root.glob("data/rules/*.yml"), *project.root.glob("data/reference/*.csv")]
    return {
        "store": {"number": number, "sha256": digest_of_json(store.manifest(number))},
        "regions": sorted(regions),
        "declaration": digest(project.declaration(declaration.name).read_bytes()),
        "notebooks": {name: digest(project.notebook(name).read_bytes()) for name in declaration.chapters},
        "settings": digest_of_files(settings, project.root),
        "library": digest_of_files((p for p in package.rglob("*") if p.suffix in _SOURCES), package),
        "lock": digest_of_files(project.root.glob("requirements.lock"), project.root),
    }


def versions() -> dict[str, str]:
    """Versions of Python, aidlib and the libraries that numbers and pages depend on."""
    found = {"aidlib": aidlib.__version__, "python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def digest(content: bytes) -> str:
    """SHA-256 in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def digest_of_json(data: Mapping[str, Any]) -> str:
    """SHA-256 of ``data`` written as JSON with sorted keys."""
    return digest(json.dumps(data, sort_keys=True, ensure_ascii=False, default=str).encode())


def digest_of_files(files: Iterable[Path], root: Path) -> str:
    """SHA-256 over the names (relative to ``root``) and contents of ``files``, in the names' order."""
    whole = hashlib.sha256()
    for name, path in sorted((path.relative_to(root).as_posix(), path) for path in files):
        whole.update(f"{name}\0{digest(path.read_bytes())}\n".encode())
    return whole.hexdigest()


def last_day(period: str) -> str:
    """The last day of ``period`` (YYYY, YYYY-Qn or YYYY-MM) as YYYY-MM-DD: the date that an edition bears."""
    year, _, part = period.partition("-")
    month = 12 if not part else int(part[1]) * 3 if part.startswith("Q") else int(part)
    return (pd.Timestamp(int(year), month, 1) + pd.offsets.MonthEnd(0)).date().isoformat()
