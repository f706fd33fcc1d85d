"""Private folders vanish with their run, and those of dead runners are swept by the next one."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from aidlib.editions.folders import Project, private_folder


def test_a_private_folder_is_for_its_owner_only_and_goes_with_the_run(tmp_path):
    with private_folder(tmp_path / "runs", "run-") as folder:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        (folder / "exact.json").touch()
    assert list((tmp_path / "runs").iterdir()) == []


def test_it_goes_when_the_run_fails(tmp_path):
    with pytest.raises(ValueError, match="x"), private_folder(tmp_path, "run-"):
        raise ValueError("x")
    assert list(tmp_path.iterdir()) == []


def test_the_folder_of_a_dead_runner_is_swept_and_that_of_a_living_one_is_not(tmp_path):
    dead = tmp_path / "run-dead"
    dead.mkdir()
    (dead / ".lock").touch()
    (tmp_path / "kept").mkdir()
    with private_folder(tmp_path, "run-") as first, private_folder(tmp_path, "run-") as second:
        assert {path.name for path in tmp_path.iterdir()} == {first.name, second.name, "kept"}


def test_the_project_is_the_one_around_the_working_folder_else_the_installed_one(tmp_path, monkeypatch):
    (tmp_path / "data/sources").mkdir(parents=True)
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    assert Project.find().root == tmp_path
    monkeypatch.chdir("/")
    assert Project.find().root == Path(__file__).resolve().parents[2]
