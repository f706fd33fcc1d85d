"""From protected contents to a document and its registry."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np

from aidlib.editions.documents import document, registry
from aidlib.reference import problem
from aidlib.report import Content, Entry, Sentence
from tests.editions.samples import project
from tests.report.samples import cities, result

CAPTION = {"zh": "率", "en": "Rate"}
VALUES = {"period": "2025", "region": "990000"}


def content(*items) -> Content:
    return Content("first", {"zh": "一", "en": "One"}, VALUES, items)


def made(root: Path, contents: list[Content], demo: bool = True, **changes):
    declared = project(root, **changes).load("small")
    return document(
        declared, "2025-Q3", "990100", contents, written=None, demo=demo, made_from={"store": {"number": 1}}
    )


def test_a_document_is_titled_dated_and_filled(tmp_path):
    said = Sentence("为{headcount[990100]:pct}", "is {headcount[990100]:pct}")
    told = made(tmp_path, [content(Entry("headcount", cities(0.25, 0.5), "dot", CAPTION), said)])
    assert told.subtitle == {"zh": "甲市 · 2025年第3季度", "en": "Jia City · Quarter 3 of 2025"}
    assert told.contents[0].items[1] == Sentence("为25%", "is 25%")
    assert told.findings == (Sentence("乙市为50%。", "Yi City: 50%."),)
    assert told.manifest["date"] == "2025-09-30"
    assert told.manifest["store"] == {"number": 1}


def test_notices_say_what_a_reader_must_know_first(tmp_path):
    entry = Entry("headcount", cities(0.25, 0.5), "dot", CAPTION)
    told = made(tmp_path / "a", [content(entry)])
    assert [notice["en"][:9] for notice in told.notices] == ["Synthetic", "Draft for"]
    approval = {"zh": "市总工会", "en": "the city federation", "date": "2026-03-01"}
    told = made(tmp_path / "b", [content(entry)], demo=False, state="approved", approval=approval)
    assert [notice["en"] for notice in told.notices] == ["Approved by the city federation, 2026-03-01."]
    assert told.notices[0]["zh"] == "定稿：市总工会，2026-03-01。"
    assert "There are no survey" in made(tmp_path / "c", []).notices[-1]["en"]


def test_the_registry_holds_published_numbers_only():
    rows = [
        {"region": "990100", "year": "2025", "estimate": 1 / 3, "top1": 0.4},
        {"region": "990200", "year": "2025", "estimate": np.nan, "se": np.nan, "n": np.nan, "flag": "suppressed"},
    ]
    numbers = registry([content(Entry("h", result(rows, keys=("year",)), "dot", CAPTION))])
    shown, hidden = numbers["first/h[990100,2025,headcount]"], numbers["first/h[990200,2025,headcount]"]
    assert shown["estimate"] == 0.333333333333
    assert set(shown) == {"estimate", "se", "low", "high", "n", "flag", "unit", "base"}
    assert [hidden[field] for field in ("estimate", "se", "low", "high", "n")] == [None] * 5
    assert hidden["flag"] == "suppressed"


def test_a_problem_survives_the_way_from_a_renderer():
    sent = problem("editions.bad_text", wrong_use=True, file="a.md", line=3, detail_zh="错", detail_en="wrong")
    came = pickle.loads(pickle.dumps(sent))  # noqa: S301 - what multiprocessing does
    assert (str(came), came.key, came.wrong_use, came.values) == (str(sent), sent.key, True, sent.values)
