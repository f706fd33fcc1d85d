"""Numbered manifests: each describes the whole store after one import, and is the last thing that an import writes."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from aidlib import reference
from aidlib.store.parts import sync_folder

FOLDER = "manifests"


def numbers(root: Path) -> list[int]:
    """Numbers of the manifests in the store, ascending."""
    return sorted(int(path.stem) for path in (root / FOLDER).glob("[0-9]*.json") if path.stem.isdigit())


def read(root: Path, number: int) -> dict[str, Any]:
    """Manifest ``number``; Problem where it is missing, unreadable or not as written."""
    path = root / FOLDER / f"{number:06d}.json"
    place = f"{FOLDER}/{path.name}"
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        stated = manifest.pop("digest")
    except FileNotFoundError as error:
        raise reference.problem("store.no_manifest", number=number) from error
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise reference.problem("store.damaged_part", file=place) from error
    if stated != digest(manifest):
        raise reference.problem("store.damaged_part", file=place)
    return manifest


def write(root: Path, number: int, manifest: dict[str, Any]) -> None:
    """Write manifest ``number`` whole or not at all; Problem if another import took the number meanwhile."""
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    path, temporary = folder / f"{number:06d}.json", folder / f".{number:06d}.{os.getpid()}.tmp"
    text = json.dumps({**manifest, "digest": digest(manifest)}, ensure_ascii=False, indent=1, sort_keys=True)
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)  # unlike a rename, this never replaces a manifest that is there
    except FileExistsError as error:
        raise reference.problem("store.busy", number=number) from error
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(folder)


def digest(manifest: dict[str, Any]) -> str:
    """SHA-256 of the manifest in canonical JSON."""
    return hashlib.sha256(json.dumps(manifest, ensure_ascii=False, sort_keys=True).encode()).hexdigest()
