"""The builder that a notebook uses: results and sentences go in, one Content comes out at ``close``."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aidlib import display
from aidlib.estimate import Estimates
from aidlib.reference import message, problem
from aidlib.reference.messages import suggestion
from aidlib.report import sentences
from aidlib.report.content import CHARTS, LANGUAGES, Absent, Content, Entry, Item, Limits, Section, Sentence
from aidlib.report.registry import RANKS

_KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")
_SCALARS = (str, int, float, bool)


class Chapter:
    """One chapter of a report, written by one notebook: ``section``, ``add``, ``say``, ``limits``, then ``close``.

    Opened by hand in Jupyter each call shows a preview; in a run ($AIDLIB_RUN is set) ``close`` writes
    ``$AIDLIB_RUN/<name>.json``, the mark of a complete run. Results are exact until the gate has seen all chapters.
    """

    def __init__(self, name: str, parameters: Mapping[str, Any], title: Mapping[str, str]) -> None:
        """name: lower-case identifier, the notebook's name without its number; title: zh and en."""
        _check_key(name)
        _check_texts(title, place=name)
        for key, value in parameters.items():
            if not isinstance(value, _SCALARS) and not _plain_list(value):
                raise problem("report.bad_parameter_value", name=key, kind=type(value).__name__)
        self._content = Content(name, dict(title), dict(parameters))
        self._items: list[Item] = []
        self._run = os.environ.get("AIDLIB_RUN", "")
        self._closed = False

    @property
    def content(self) -> Content:
        """What the chapter says so far."""
        return Content(self._content.name, self._content.title, self._content.parameters, tuple(self._items))

    def section(self, *, zh: str, en: str) -> None:
        """A heading: the question that the next results answer."""
        _check_texts({"zh": zh, "en": en}, place=zh or en)
        self._append(Section(zh, en))
        self._show_text(f"### {zh} · {en}")

    def add(
        self,
        key: str,
        estimates: Estimates,
        *,
        chart: str,
        caption: Mapping[str, str],
        breakdowns_in_workbook: bool = False,
    ) -> None:
        """A result under ``key``, drawn as ``chart`` (one of report.CHARTS).

        A result without any observation (all n = 0: the source lacks the column) becomes the sentence that says so.
        breakdowns_in_workbook: the page shows the chart alone. Raises Problem for a bad key, chart or caption.
        """
        _check_key(key)
        if key in self.content.entries() | self.content.absent():
            raise problem("report.key_twice", chapter=self._content.name, name=key)
        if chart not in CHARTS:
            near = suggestion(chart, CHARTS)
            raise problem("report.unknown_chart", name=key, chart=chart, charts=", ".join(CHARTS), **near)
        _check_texts(caption, place=key)
        if (estimates.rows["n"].fillna(0) == 0).all():
            absent = Absent(key, *(message("report.absent", each, caption=caption[each]) for each in LANGUAGES))
            self._append(absent)
            self._show_text(f"{absent.zh} {absent.en}")
            return
        entry = Entry(key, estimates, chart, dict(caption), breakdowns_in_workbook)
        self._append(entry)
        self._show_entry(entry)

    def say(self, *, zh: str, en: str) -> None:
        """A sentence whose numbers are named: ``{headcount:pct}`` (see aidlib.report.registry), never typed."""
        sentence = Sentence(zh, en)
        sentences.check(sentence, [self.content])
        self._append(sentence)
        self._show_sentence(sentence)

    def limits(self, *, zh: str, en: str) -> None:
        """What the chapter's numbers cannot show."""
        limits = Limits(zh, en)
        sentences.check(limits, [self.content])
        self._append(limits)
        self._show_sentence(limits)

    def close(self) -> None:
        """End the chapter; in a run, write it. Nothing can be added afterwards."""
        self._refuse_if_closed()
        self._closed = True
        content = self.content
        if self._run:
            content.write(Path(self._run) / f"{content.name}.json")

    def _append(self, item: Item) -> None:
        self._refuse_if_closed()
        self._items.append(item)

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise problem("report.chapter_closed", chapter=self._content.name)

    def _show_text(self, markdown: str) -> None:
        if self._previews():
            from IPython.display import Markdown
            from IPython.display import display as show

            show(Markdown(markdown))

    def _show_sentence(self, sentence: Sentence | Limits) -> None:
        if self._previews():
            self._show_text("\n\n".join(sentences.fill(sentence, [self.content], each) for each in LANGUAGES))

    def _show_entry(self, entry: Entry) -> None:
        if not self._previews():
            return
        from IPython.display import Image
        from IPython.display import display as show

        self._show_text(f"**{entry.caption['zh']} · {entry.caption['en']}**")
        show(entry.estimates)
        if entry.chart != "table":
            result = entry.estimates
            figure = display.sketch(
                result.rows,
                domains=result.domains,
                keys=result.keys,
                unit=result.unit,
                kind=result.kind,
                language="zh",
                chart=entry.chart,
            ).figure()
            show(Image(data=display.png(figure, dpi=120)))

    def _previews(self) -> bool:
        """Whether a person looks on: inside Jupyter or IPython, and not in a run."""
        if self._run or "IPython" not in sys.modules:
            return False
        from IPython import get_ipython

        return get_ipython() is not None


def _check_key(key: str) -> None:
    if not _KEY.fullmatch(key) or key in RANKS:
        raise problem("report.bad_key", name=key)


def _check_texts(texts: Mapping[str, str], *, place: str) -> None:
    for language in LANGUAGES:
        if not str(texts.get(language, "")).strip():
            raise problem("report.language_missing", place=place[:40], missing=language)


def _plain_list(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, _SCALARS) for each in value)
