"""rows read = accepted + quarantined + duplicates + non-data, on files of any shape: fuzzed."""

import random
from pathlib import Path

import pytest

from aidlib.intake import import_files
from aidlib.store import Store
from tests.intake.samples import csv, household, project, workbook

STEPS = ["accepted", "quarantined", "duplicates", "non_data"]
CELLS = [
    None, "", " ", "无", "—", "不详", "约1500", "1.2万", "张三", "2019.3", "43525", "农历正月", "9.9E+17", "0", "-5",
    "6,9", "√", "１２", "=1+1", "合计", "990101197001021056",
    "a,b", "甲", "火星", "inf", "1e400", "二〇一九年", "\u3000",
]  # fmt: skip
TEXT = [("utf-8", ","), ("utf-8-sig", ","), ("gb18030", ","), ("utf-16", "\t"), ("gb18030", ";")]


def fuzzed(rng: random.Random) -> list[dict[str, object]]:
    rows = []
    for _ in range(rng.randint(1, 12)):
        row = household(rng.randint(1, 9))
        for column in rng.sample(sorted(row), rng.randint(0, 5)):
            row[column] = rng.choice(CELLS)
        rows.append(row)
    return rows


def write(rng: random.Random, folder: Path, number: int) -> int:
    """One file of a random shape; the number of its raw rows, header, titles and footers included."""
    name = f"入户20{rng.randint(18, 25)}年{number}"
    if rng.random() < 0.6:
        sheets = {f"街{i}": fuzzed(rng) for i in range(rng.randint(1, 3))}
        titles = rng.randint(0, 4)
        for rows in sheets.values():
            rows[-1]["备注"] = "x"  # the sheet's last row is not blank
        footer = rng.random() < 0.5
        return workbook(folder / f"{name}.xlsx", sheets, titles=titles, footer=footer)
    rows = fuzzed(rng)
    encoding, delimiter = rng.choice(TEXT)
    csv(folder / f"{name}.csv", rows, encoding=encoding, delimiter=delimiter)
    return len(rows) + 1


def hold(seed: int, files: int, folder: Path) -> None:
    rng = random.Random(seed)  # noqa: S311
    raw = folder / "raw"
    raw.mkdir(parents=True)
    written = sum(write(rng, raw, number) for number in range(files))
    made = import_files([raw], "union", folder / "store", project=project(folder / "project"))
    account = made.account
    assert (account["read"] == account[STEPS].sum(axis=1)).all()
    assert account["read"].sum() == written
    store = Store(folder / "store")
    assert account["accepted"].sum() == len(store.read("households"))
    assert not store.read("households").duplicated(["household_id", "year"]).any()
    assert not store.read("members").duplicated(["person_id", "household_id", "year"]).any()


@pytest.mark.parametrize("seed", range(5))
def test_no_row_vanishes_in_fifty_fuzzed_files(seed, tmp_path, monkeypatch):
    monkeypatch.setenv("AIDLIB_KEY_FILE", str(tmp_path / "key"))
    hold(seed, 10, tmp_path)


@pytest.mark.redteam
@pytest.mark.parametrize("seed", range(100, 130))
def test_no_row_vanishes_in_six_hundred_fuzzed_files(seed, tmp_path, monkeypatch):
    monkeypatch.setenv("AIDLIB_KEY_FILE", str(tmp_path / "key"))
    hold(seed, 20, tmp_path)
