"""pyproject.toml, requirements.lock and environment.yml name the same packages in the same versions."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = [text for extra in PROJECT["optional-dependencies"].values() for text in extra]
DIRECT = [Requirement(text) for text in [*PROJECT["dependencies"], *EXTRAS]]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PYTHON = {"python_version": "3.11", "python_full_version": "3.11.0", "sys_platform": "linux"}


def locked() -> dict[str, list[tuple[Requirement, int]]]:
    """Package -> its pins in the lock (several where Python versions differ) with their numbers of hashes."""
    found: dict[str, list[tuple[Requirement, int]]] = {}
    for entry in LOCK.replace("\\\n", " ").splitlines():
        if entry.strip():
            pin = Requirement(entry.partition("--hash")[0])
            found.setdefault(canonicalize_name(pin.name), []).append((pin, entry.count("--hash=sha256:")))
    return found


def version(pin: Requirement) -> Version:
    (only,) = pin.specifier
    assert only.operator == "=="
    return Version(only.version)


@pytest.fixture(scope="module")
def lock() -> dict[str, list[tuple[Requirement, int]]]:
    return locked()


@pytest.fixture(scope="module")
def environment() -> dict:
    return yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("wanted", DIRECT, ids=str)
def test_every_dependency_is_locked_in_a_version_that_pyproject_allows(lock, wanted):
    pins = lock[canonicalize_name(wanted.name)]
    assert all(wanted.specifier.contains(version(pin)) for pin, _ in pins)


def test_every_pin_of_the_lock_has_hashes(lock):
    assert {name for name, pins in lock.items() for _, hashes in pins if hashes == 0} == set()
    assert len(lock) > len(DIRECT)


def test_the_lock_names_no_address():
    assert re.findall(r"https?://|--(?:extra-)?index-url|--find-links|@ ", LOCK) == []


def test_the_environment_pins_what_the_lock_pins(lock, environment):
    (pip,) = [part["pip"] for part in environment["dependencies"] if isinstance(part, dict)]
    pinned = {canonicalize_name(pin.name): version(pin) for pin in map(Requirement, pip)}
    assert set(pinned) == {canonicalize_name(wanted.name) for wanted in DIRECT}
    for name, chosen in pinned.items():
        fitting = [pin for pin, _ in lock[name] if pin.marker is None or pin.marker.evaluate(PYTHON)]
        assert [version(pin) for pin in fitting] == [chosen], name


def test_the_environment_has_the_python_that_pyproject_asks_for(environment):
    plain = [part for part in environment["dependencies"] if isinstance(part, str)]
    assert "python=3.11" in plain
    assert "pip" in plain
    assert PROJECT["requires-python"] == ">=3.11"
