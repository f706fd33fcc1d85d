"""What several test folders share: the small demonstration store, built once for all workers."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def demo_store(tmp_path_factory) -> Path:
    """A store made from the ``small`` demonstration survey by the documented steps; its truth file lies beside raw/."""
    from aidlib import demo, intake

    shared = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        shared = shared.parent
    folder, done = shared / "demo", shared / "demo.done"
    try:
        folder.mkdir()
    except FileExistsError:
        _wait_for(done)
        return folder / "store"
    demo.write(folder / "raw", preset="small")
    intake.import_files([folder / "raw"], source="demo", store=folder / "store", project=ROOT)
    done.touch()
    return folder / "store"


def _wait_for(done: Path, seconds: int = 240) -> None:
    import time

    for _ in range(seconds * 10):
        if done.exists():
            return
        time.sleep(0.1)
    pytest.fail("the worker that builds the demonstration store did not finish")
