"""What the builder accepts, refuses and writes."""

import numpy as np
import pytest

from aidlib.reference import Problem
from aidlib.report import Absent, Chapter, Content, Entry, Limits, Section, Sentence
from tests.report.samples import cities, single

TITLE = {"zh": "基本情况", "en": "Profile"}
CAPTION = {"zh": "困难发生率", "en": "Headcount"}


@pytest.fixture
def chapter(monkeypatch):
    monkeypatch.delenv("AIDLIB_RUN", raising=False)
    return Chapter("profile", {"period": "2025", "region": "990000"}, title=TITLE)


def test_a_chapter_keeps_what_it_was_told_in_order(chapter):
    chapter.section(zh="多少？", en="How many?")
    chapter.add("headcount", single(0.04), chart="dot", caption=CAPTION)
    chapter.say(zh="为{headcount:pct}", en="It is {headcount:pct}")
    chapter.limits(zh="限", en="limits")
    chapter.close()
    kinds = [type(item) for item in chapter.content.items]
    assert kinds == [Section, Entry, Sentence, Limits]
    assert chapter.content.parameters == {"period": "2025", "region": "990000"}


def test_closing_in_a_run_writes_the_end_marker_and_nothing_before(tmp_path, monkeypatch):
    monkeypatch.setenv("AIDLIB_RUN", str(tmp_path))
    chapter = Chapter("profile", {}, title=TITLE)
    chapter.add("headcount", single(0.04), chart="dot", caption=CAPTION)
    assert list(tmp_path.iterdir()) == []
    chapter.close()
    assert Content.read(tmp_path / "profile.json").to_json() == chapter.content.to_json()


def test_a_result_without_observations_becomes_a_sentence(chapter):
    chapter.add("income", cities(np.nan, np.nan).__class__(**_without_units()), chart="bar", caption=CAPTION)
    (item,) = chapter.content.items
    assert isinstance(item, Absent)
    assert "困难发生率" in item.zh
    assert "Headcount" in item.en
    chapter.say(zh="收入{income:pct}", en="Income {income:pct}")  # a notebook needs no if


def _without_units():
    empty = cities(np.nan, np.nan)
    return {"rows": empty.rows.assign(n=0.0, flag="empty"), "domains": empty.domains}


def test_previews_show_in_a_notebook_only(chapter, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.get_ipython", lambda: object())
    monkeypatch.setattr("IPython.display.display", shown.append)
    chapter.section(zh="多少？", en="How many?")
    chapter.add("headcount", cities(0.1, 0.2), chart="dot", caption=CAPTION)
    chapter.say(zh="最高为{headcount.highest:pct}", en="The highest is {headcount.highest:pct}")
    kinds = [type(item).__name__ for item in shown]
    assert kinds == ["Markdown", "Markdown", "Estimates", "Image", "Markdown"]
    assert "最高为20%" in shown[-1].data


@pytest.mark.parametrize("key", ["", "Head", "1st", "a-b", "a.b", "highest", "lowest", "x" * 41, "头"])
def test_a_bad_key_is_refused(chapter, key):
    with pytest.raises(Problem, match="lower-case"):
        chapter.add(key, single(), chart="dot", caption=CAPTION)


def test_a_key_is_used_once(chapter):
    chapter.add("h", single(), chart="dot", caption=CAPTION)
    with pytest.raises(Problem, match="twice"):
        chapter.add("h", single(), chart="dot", caption=CAPTION)


def test_a_chart_outside_the_list_is_refused_with_the_nearest(chapter):
    with pytest.raises(Problem, match="Did you mean bar"):
        chapter.add("h", single(), chart="bars", caption=CAPTION)


@pytest.mark.parametrize("texts", [{"zh": "有"}, {"en": "there"}, {"zh": " ", "en": "there"}, {}])
def test_both_languages_are_needed_in_captions_and_titles(chapter, texts):
    with pytest.raises(Problem, match="no text in"):
        chapter.add("h", single(), chart="dot", caption=texts)
    with pytest.raises(Problem, match="no text in"):
        Chapter("profile", {}, title=texts)


@pytest.mark.parametrize(
    ("zh", "en", "word"),
    [
        ("", "It is {h:pct}", "no text in"),
        ("为{h:pct}", "It is high", "different numbers: h"),
        ("{c[990100]:pct}", "{c[990200]:pct}", "different numbers"),
        ("{c.highest:domain}", "{c.lowest:domain}", "different numbers"),
        ("{nothing:pct}", "{nothing:pct}", "names no result"),
        ("{c:pct}", "{c:pct}", "points to 2"),
    ],
)
def test_a_sentence_is_checked_when_it_is_said(chapter, zh, en, word):
    chapter.add("h", single(), chart="dot", caption=CAPTION)
    chapter.add("c", cities(0.1, 0.2), chart="dot", caption=CAPTION)
    with pytest.raises(Problem, match=word):
        chapter.say(zh=zh, en=en)


def test_languages_may_differ_in_form_but_not_in_numbers(chapter):
    chapter.add("h", single(), chart="dot", caption=CAPTION)
    chapter.say(zh="为{h:pct}", en="It is {h:num} ({h:pct})")


def test_nothing_follows_close(chapter):
    chapter.close()
    for late in (chapter.close, lambda: chapter.section(zh="又", en="more")):
        with pytest.raises(Problem, match="closed"):
            late()


def test_parameters_are_plain_values():
    with pytest.raises(Problem, match="date"):
        import datetime

        Chapter("profile", {"day": datetime.date(2025, 1, 1)}, title=TITLE)
