"""Contents survive their file, and a broken file is named."""

import numpy as np
import pytest

from aidlib.reference import Problem
from aidlib.report import Absent, Content, Document, Entry, Limits, Section, Sentence
from tests.report.samples import cities, single

CONTENT = Content(
    "profile",
    {"zh": "基本情况", "en": "Profile"},
    {"period": "2025", "region": "990000"},
    (
        Section("多少？", "How many?"),
        Entry("headcount", cities(0.1, 1 / 3, covariance=np.diag([1e-4, 2e-4])), "bar", {"zh": "率", "en": "Rate"}),
        Entry("gap", single(np.nan, flag="suppressed"), "table", {"zh": "深", "en": "Gap"}, True),
        Sentence("为{headcount[990100]:pct}", "is {headcount[990100]:pct}"),
        Absent("income", "没有", "none"),
        Limits("限", "limits"),
    ),
)


def test_a_written_content_is_read_back_exactly(tmp_path):
    CONTENT.write(tmp_path / "profile.json")
    read = Content.read(tmp_path / "profile.json")
    assert read.to_json() == CONTENT.to_json()
    assert read.entries()["headcount"].estimates.rows.equals(CONTENT.entries()["headcount"].estimates.rows)
    assert [type(item) for item in read.items] == [type(item) for item in CONTENT.items]


def test_writing_leaves_one_complete_file(tmp_path):
    CONTENT.write(tmp_path / "profile.json")
    assert [path.name for path in tmp_path.iterdir()] == ["profile.json"]


def test_a_document_lists_its_entries_in_reading_order():
    document = Document({}, {}, "2025", "990000", "draft", (CONTENT,))
    assert [(chapter, entry.key) for chapter, entry in document.entries()] == [
        ("profile", "headcount"),
        ("profile", "gap"),
    ]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 99}', '{"format": 1, "name": "x"}'])
def test_a_broken_file_is_named(tmp_path, text):
    path = tmp_path / "profile.json"
    path.write_text(text)
    with pytest.raises(Problem, match=r"profile\.json"):
        Content.read(path)
