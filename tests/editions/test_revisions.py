"""An edition appears whole or not at all, is never replaced, and can be verified from its manifest."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from aidlib.editions import publish, verify
from aidlib.editions.revisions import latest, revisions
from aidlib.reference import Problem

FILES = {"zh/report.html": "甲".encode(), "en/report.html": b"a", "registry.json": b"{}"}
MANIFEST = {"report": "small", "period": "2025", "region": "990000", "inputs": {"store": 1}}


def test_an_edition_is_published_with_checksums(tmp_path):
    edition = publish(FILES, MANIFEST, tmp_path)
    assert edition.path == tmp_path / "small/2025/990000/r001"
    assert (edition.path / "zh/report.html").read_text(encoding="utf-8") == "甲"
    manifest = json.loads((edition.path / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["revision"] == 1
    assert manifest["inputs"] == {"store": 1}
    assert sorted(manifest["files"]) == sorted(FILES)
    assert verify(edition.path) == []
    assert [path.name for path in tmp_path.iterdir()] == ["small"]


def test_the_same_content_is_no_new_revision(tmp_path):
    first = publish(FILES, MANIFEST, tmp_path)
    again = publish(FILES, MANIFEST | {"inputs": {"store": 2}}, tmp_path)
    assert again.unchanged
    assert again.path == first.path
    assert not first.unchanged


def test_other_content_is_the_next_revision_and_the_first_stays(tmp_path):
    first = publish(FILES, MANIFEST, tmp_path)
    second = publish(FILES | {"registry.json": b"[]"}, MANIFEST, tmp_path)
    assert second.path.name == "r002"
    assert verify(first.path) == []
    assert (first.path / "registry.json").read_bytes() == b"{}"


def test_the_same_inputs_give_the_same_bytes(tmp_path):
    paths = [publish(FILES, MANIFEST, tmp_path / name).path for name in ("a", "b")]
    contents = [{p.relative_to(path): p.read_bytes() for p in path.rglob("*") if p.is_file()} for path in paths]
    assert contents[0] == contents[1]


def test_two_runners_take_two_numbers(tmp_path):
    def one(number: int):
        return publish(FILES | {"registry.json": str(number).encode()}, MANIFEST, tmp_path)

    with ThreadPoolExecutor(8) as pool:
        editions = list(pool.map(one, range(16)))
    assert sorted(edition.revision for edition in editions) == list(range(1, 17))
    assert all(verify(edition.path) == [] for edition in editions)


def test_readers_never_see_half_an_edition(tmp_path):
    place, torn, stop = tmp_path / "small/2025/990000", [], threading.Event()

    def read() -> None:
        while not stop.is_set():
            for number in revisions(place):
                torn.extend(verify(place / f"r{number:03d}"))

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(30):
        publish(FILES | {"registry.json": str(number).encode()}, MANIFEST, tmp_path)
    stop.set()
    reader.join()
    assert torn == []


def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch):
    def full(path: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("aidlib.editions.revisions.sync", full)
    with pytest.raises(OSError, match="No space"):
        publish(FILES, MANIFEST, tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda path: (path / "en/report.html").write_bytes(b"b"), "changed: en/report.html"),
        (lambda path: (path / "en/report.html").unlink(), "missing: en/report.html"),
        (lambda path: (path / "extra.txt").touch(), "added: extra.txt"),
    ],
)
def test_every_difference_is_listed(tmp_path, change, word):
    edition = publish(FILES, MANIFEST, tmp_path)
    change(edition.path)
    (line,) = verify(edition.path)
    assert word in line


def test_a_damaged_edition_is_not_taken_for_the_standing_one(tmp_path):
    first = publish(FILES, MANIFEST, tmp_path)
    (first.path / "registry.json").write_bytes(b"[1]")
    assert latest(tmp_path, "small", "2025", "990000") is None
    assert publish(FILES, MANIFEST, tmp_path).path.name == "r002"


def test_a_folder_without_manifest_is_refused(tmp_path):
    with pytest.raises(Problem, match="no edition"):
        verify(tmp_path)
