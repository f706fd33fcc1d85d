"""What people write joins the edition in both languages, and no number is typed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aidlib.editions import texts
from aidlib.reference import Problem
from aidlib.report import Content, Entry, Section, Sentence
from tests.report.samples import cities, single

VALUES = {"period": "2025", "region": "990000"}
ZH = "# 问题与建议\n\n## 问题\n\n发生率为{first.h:pct}，\n自2018年以来下降。\n\n另见{region}。\n"
EN = "# Problems and proposals\n\n## Problems\n\nThe headcount is {first.h:pct},\nless than in 2018.\n\nSee {region}.\n"
FIRST = Content(
    "first", {"zh": "一", "en": "One"}, VALUES, (Entry("h", single(0.04), "dot", {"zh": "率", "en": "Rate"}),)
)


def write(folder: Path, zh: str | None = ZH, en: str | None = EN) -> Path:
    place = folder / "texts/small/2025"
    place.mkdir(parents=True)
    for language, text in (("zh", zh), ("en", en)):
        if text is not None:
            (place / f"990000.{language}.md").write_text(text, encoding="utf-8")
    return folder


def test_texts_are_read_block_by_block_and_filled(tmp_path):
    written = texts.read(write(tmp_path), "small", VALUES)
    assert written.title == {"zh": "问题与建议", "en": "Problems and proposals"}
    assert texts.filled(written, [FIRST]).items == (
        Section("问题", "Problems"),
        Sentence("发生率为4%，自2018年以来下降。", "The headcount is 4%, less than in 2018."),
        Sentence("另见示例省。", "See Demo Province."),
    )


def test_no_files_give_no_heading(tmp_path):
    assert texts.read(tmp_path, "small", VALUES) is None


def test_a_withheld_number_replaces_the_sentence(tmp_path):
    hidden = Content("first", FIRST.title, VALUES, (Entry("h", single(np.nan, flag="suppressed"), "dot", {}),))
    told = texts.filled(texts.read(write(tmp_path), "small", VALUES), [hidden]).items[1]
    assert "withheld" in told.en


@pytest.mark.parametrize(
    ("zh", "en", "word"),
    [
        (ZH, None, "other language"),
        (ZH, EN.replace("## Problems\n", ""), "differ from the Chinese"),
        (ZH.replace("# 问题与建议\n", ""), EN, "begin with"),
        ("", "", "begin with"),
        (ZH.replace("## ", "### "), EN.replace("## ", "### "), "begin with"),
        (ZH.replace("{first.h:pct}", "4.0%"), EN, r"zh\.md.* line 5.*write numbers"),
        (ZH, EN.replace("less", "30 less"), r"en\.md.* line 6.*write numbers"),
        (ZH.replace("2018年", "20185户"), EN, "write numbers"),
    ],
)
def test_a_wrong_text_is_named_with_its_line(tmp_path, zh, en, word):
    with pytest.raises(Problem, match=word):
        texts.read(write(tmp_path, zh, en), "small", VALUES)


def test_a_name_of_no_result_is_refused(tmp_path):
    written = texts.read(write(tmp_path), "small", VALUES)
    other = Content("other", FIRST.title, VALUES, (Entry("h", cities(0.1), "dot", {}),))
    with pytest.raises(Problem, match=r"first\.h"):
        texts.filled(written, [other])
