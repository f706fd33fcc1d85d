"""An edition's folder: published whole by one rename, never replaced, and verifiable by anyone from its manifest."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aidlib.editions.folders import private_folder, sync
from aidlib.editions.inputs import digest
from aidlib.reference import message, problem

FORMAT = 1
MANIFEST = "manifest.json"
REGISTRY = "registry.json"
_REVISION = re.compile(r"r(\d{3,})")


@dataclass(frozen=True)
class Edition:
    """One report × period × region, as published. unchanged: it stood there already, made from the same inputs."""

    report: str
    period: str
    region: str
    revision: int
    path: Path
    unchanged: bool = False


def revisions(place: Path) -> list[int]:
    """Numbers of the published revisions in ``place`` (…/<report>/<period>/<region>), ascending."""
    found = (_REVISION.fullmatch(path.name) for path in place.glob("r*"))
    return sorted(int(match[1]) for match in found if match)


def latest(out: Path, report: str, period: str, region: str) -> tuple[Edition, dict[str, Any]] | None:
    """The last intact revision with its manifest, or None."""
    place = out / report / period / region
    for number in reversed(revisions(place)):
        path = place / f"r{number:03d}"
        if not verify(path):
            manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
            return Edition(report, period, region, number, path, unchanged=True), manifest
    return None


def publish(files: Mapping[str, bytes], manifest: Mapping[str, Any], out: Path) -> Edition:
    """Publish ``files`` (path in the edition -> content) as the next revision, or name the last one if it is equal.

    manifest: report, period, region and all that is known of the inputs; checksums and the revision are added.
    The folder appears complete, by one rename, or not at all.
    """
    report, period, region = (str(manifest[key]) for key in ("report", "period", "region"))
    sums = {name: {"sha256": digest(content), "bytes": len(content)} for name, content in sorted(files.items())}
    before = latest(out, report, period, region)
    if before and before[1]["files"] == sums:
        return before[0]
    place = out / report / period / region
    place.mkdir(parents=True, exist_ok=True)
    with private_folder(out, ".new-") as staging:
        for name, content in files.items():
            _write(staging / "edition" / name, content)
        while True:
            number = max(revisions(place), default=0) + 1
            told = {"format": FORMAT, "revision": number} | dict(manifest) | {"files": sums}
            _write(staging / "edition" / MANIFEST, to_json(told))
            if _claim(staging / "edition", place / f"r{number:03d}"):
                return Edition(report, period, region, number, place / f"r{number:03d}")


def verify(folder: Path) -> list[str]:
    """How the edition in ``folder`` differs from its manifest, one bilingual line each; [] if it is intact.

    Raises Problem if ``folder`` holds no manifest.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        sums: dict[str, dict[str, Any]] = manifest["files"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise problem("editions.no_manifest", folder=str(folder)) from error
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - {MANIFEST}
    changed = [name for name in sums if name in there and digest((folder / name).read_bytes()) != sums[name]["sha256"]]
    found = [("editions.file_changed", name) for name in changed]
    found += [("editions.file_missing", name) for name in sorted(set(sums) - there)]
    found += [("editions.file_added", name) for name in sorted(there - set(sums))]
    return [f"{message(key, 'zh', file=name)} {message(key, 'en', file=name)}" for key, name in found]


def to_json(data: Any) -> bytes:
    """``data`` as JSON with sorted keys, the same bytes for the same data."""
    return (json.dumps(data, ensure_ascii=False, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    sync(path)


def _claim(staged: Path, target: Path) -> bool:
    """Rename ``staged`` to ``target`` unless another runner took that number meanwhile."""
    for folder in [*(path for path in staged.rglob("*") if path.is_dir()), staged]:
        folder.chmod(0o755)
        sync(folder)
    try:
        staged.rename(target)
    except OSError:
        if target.exists():
            return False
        raise
    sync(target.parent)
    return True
