"""Checksums follow content and names, and an edition's date is the last day of its period."""

from __future__ import annotations

import pytest

from aidlib.editions.inputs import digest, digest_of_files, digest_of_json, last_day, versions


def test_a_digest_is_sha_256():
    assert digest(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2


def test_a_digest_of_files_follows_names_and_contents_not_order_or_place(tmp_path):
    for place, names in (("a", "xy"), ("b", "yx")):
        (tmp_path / place).mkdir()
        for name in names:
            (tmp_path / place / name).write_text(name)
    one, two = (digest_of_files((tmp_path / p).iterdir(), tmp_path / p) for p in "ab")
    assert one == two
    (tmp_path / "b/x").rename(tmp_path / "b/z")
    assert digest_of_files((tmp_path / "b").iterdir(), tmp_path / "b") != one
    assert digest_of_files([], tmp_path) == digest(b"")


def test_a_digest_of_json_does_not_follow_the_order_of_keys():
    assert digest_of_json({"a": 1, "b": 2}) == digest_of_json({"b": 2, "a": 1})
    assert digest_of_json({"a": 1}) != digest_of_json({"a": 2})


@pytest.mark.parametrize(
    ("period", "day"),
    [("2025", "2025-12-31"), ("2025-Q1", "2025-03-31"), ("2025-Q4", "2025-12-31"), ("2024-02", "2024-02-29")],
)
def test_the_date_is_the_last_day_of_the_period(period, day):
    assert last_day(period) == day


def test_versions_name_what_numbers_and_pages_depend_on():
    assert {"aidlib", "python", "numpy", "pandas", "matplotlib", "typst"} <= set(versions())
