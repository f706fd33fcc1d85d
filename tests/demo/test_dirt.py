"""Planted dirt: as much as planned, where the truth says, and nowhere in a clean survey."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest

from aidlib.demo import truth_path, write
from aidlib.demo.exports import ENCODINGS
from aidlib.demo.marks import chinese
from aidlib.demo.parameters import Parameters
from aidlib.intake import import_files
from aidlib.intake.numbers import chinese_number

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def dirty(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("demo") / "raw"
    write(out, households=1200, waves=2)
    return out


def truth(out: Path) -> dict:
    return json.loads(truth_path(out).read_text(encoding="utf-8"))


def cell(out: Path, place: list, heading: str) -> object:
    """The cell under ``heading`` in the raw row that the truth names."""
    file, sheet, row = place
    if file.endswith(".xlsx"):
        page = openpyxl.load_workbook(out / file, read_only=True)[sheet]
        lines = list(page.iter_rows(min_row=1, max_row=row, values_only=True))
        head = next(line for line in lines if heading in line)
        return lines[row - 1][head.index(heading)]
    encoding = ENCODINGS.get(file.split("_")[2], "utf-8") if file.startswith("入户") else "utf-8"
    text = (out / file).read_bytes().decode(encoding).splitlines()
    sign = "\t" if encoding == "utf-16" else ","
    head = next(line for line in text if heading in line).replace('"', "").split(sign)
    return text[row - 1].split(sign)[head.index(heading)].strip('"')


@pytest.mark.parametrize(
    ("kind", "heading", "pattern"),
    [
        ("id_float", "身份证号", r"99\d{13}000"),
        ("id_written", "身份证号", r"99\d{15}[xＸ]"),
        ("date_impossible", "入户日期", r"\d{4}-11-31"),
        ("date_dotted", "入户日期", r"\d{4}\.\d{1,2}"),
        ("date_worded", "入户日期", r"\d{4}年\d{1,2}月"),
        ("date_short", "入户日期", r"\d\d\.\d{1,2}\.\d\d"),
        ("worded_amount", "人均月收入", r"约\d+|\d+元/月"),
        ("full_width", "人均月收入", r"[０-９]+"),
        ("none_word", "负债", "无"),
        ("unknown_word", "负债", "不详"),
        ("spaced_name", "姓名", r"\S \S+"),
        ("closed_first", "退档日期", r"\d{4}-\d\d-\d\d"),
    ],
)
def test_dirt_stands_where_the_truth_says(dirty, kind, heading, pattern):
    told = truth(dirty)["dirt"][kind]
    assert told["count"] == len(told["rows"])
    register = kind.startswith("date_") and any("登记册" in place[0] for place in told["rows"])
    places = [p for p in told["rows"] if not (register and "登记册" in p[0])][:6]
    assert places or kind == "closed_first"
    for place in places:
        assert pd.Series([str(cell(dirty, place, heading))]).str.fullmatch(pattern).all(), place


def test_rates_are_the_planted_ones(dirty):
    told, p = truth(dirty), Parameters()
    done = sum(sum(frames.values()) for frames in told["sample"]["complete"].values())
    wanted = {"id_float": p.id_float, "unit_wan": p.wan, "unit_year": p.year_in_month, "income_sum": p.sum_broken,
              "size": p.size_broken, "no_rigid": p.no_rigid, "no_income": p.no_income, "spaced_name": p.spaced_name,
              "full_width": p.full_width, "twice_listed": p.twice_listed, "no_pressure": p.no_wellbeing}  # fmt: skip
    for kind, rate in wanted.items():
        count = told["dirt"][kind]["count"]
        assert abs(count - rate * done) <= 4 * np.sqrt(rate * done) + 2, kind


def test_account_adds_up(dirty):
    table = pd.DataFrame(truth(dirty)["account"])
    parts = table[["accepted", "quarantined", "duplicates", "non_data"]].sum(axis=1)
    assert (table["read"] == parts).all()
    reasons = table["reasons"].map(lambda each: sum(each.values()))
    assert (reasons == table["quarantined"]).all()
    survey = table[table["file"].str.startswith("入户")]
    assert 0.006 < survey["quarantined"].sum() / survey["read"].sum() < 0.02


def test_import_arrives_at_the_planted_account(dirty, tmp_path):
    """Every row of every sheet: accepted, quarantined for the planted reason, a duplicate, or no data."""
    told = truth(dirty)
    outcome = import_files([dirty], "demo", tmp_path / "store", project=ROOT)
    columns = ["read", "accepted", "quarantined", "duplicates", "non_data"]
    found = outcome.account.groupby(["file", "sheet"])[columns].sum()
    planted = pd.DataFrame(told["account"]).set_index(["file", "sheet"])[columns].sort_index()
    pd.testing.assert_frame_equal(found, planted, check_dtype=False)
    reasons = outcome.reasons["reason"].str.split(":").str[0]
    counted = outcome.reasons.groupby(reasons)["rows"].sum().to_dict()
    wanted: dict[str, int] = {}
    for row in told["account"]:
        for reason, rows in row["reasons"].items():
            wanted[reason] = wanted.get(reason, 0) + rows
    assert counted == wanted
    failed = outcome.checks.groupby("check")["failed"].sum()
    dirt = {kind: entry["count"] for kind, entry in told["dirt"].items()}
    assert failed["aid_after_closing"] == dirt["aid_after_closing"]
    for check in ("unit_wan", "unit_year", "size"):  # a flagged row may stand twice, or be quarantined
        assert abs(failed[check] - dirt[check]) <= 0.1 * dirt[check] + 45


def test_clean_survey_has_no_dirt(tmp_path):
    write(tmp_path / "raw", households=200, waves=2, preset="clean")
    told = truth(tmp_path / "raw")
    assert told["dirt"] == {}
    assert all(row["quarantined"] == row["duplicates"] == 0 for row in told["account"])


@pytest.mark.parametrize(
    "value", [0, 7, 10, 15, 105, 1500, 2030, 9009, 12_300, 100_500, 120_000, 3_204_050, 20_000_001]
)
def test_chinese_numerals_are_read_back(value):
    assert chinese_number(chinese(value)) == value


def test_chinese_numerals_by_hand():
    assert [chinese(v) for v in (1500, 12_300, 10_500)] == ["一千五百", "一万二千三百", "一万零五百"]
