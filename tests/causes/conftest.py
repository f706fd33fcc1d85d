"""The small demonstration survey, loaded once for this folder."""

from pathlib import Path

import pytest

from aidlib.survey import Survey, load


@pytest.fixture(scope="session")
def demo(demo_store: Path) -> Survey:
    """All eight waves of the demonstration survey."""
    return load("2025", "990000", demo_store)
