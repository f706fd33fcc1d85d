from __future__ import annotations

from pathlib import Path

import pytest

from aidlib.intake import Outcome, import_files
from aidlib.store import Store
from tests.intake.samples import project


class Desk:
    """A clerk's desk: a folder of raw files, a project with one mapping, a store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.raw = folder / "raw"
        self.raw.mkdir()
        self.project = project(folder / "project")

    @property
    def store(self) -> Store:
        return Store(self.folder / "store")

    def bring(self, *paths: Path, **options) -> Outcome:
        """Import the paths, or all of the raw folder."""
        source = options.pop("source", "union")
        return import_files(list(paths) or [self.raw], source, self.store.path, project=self.project, **options)


@pytest.fixture
def desk(tmp_path, monkeypatch) -> Desk:
    monkeypatch.setenv("AIDLIB_KEY_FILE", str(tmp_path / "key"))
    return Desk(tmp_path)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real input beside the project; tests that need it are skipped where it is absent."""
    folder = Path(__file__).parents[2] / "../shared/data"
    if not folder.is_dir():
        pytest.skip("the folder of shared data is not there")
    return folder
