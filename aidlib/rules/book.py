"""Rule files: one YAML file a rule, with dates, area, source and certainty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Protocol, TypeVar

import pandas as pd
import yaml

from aidlib import reference

CERTAINTIES = {"verified", "unverified", "uncertain", "demo"}
OTHER = "price_supplement"  # rules of another kind: files whose names begin so
GRADE_KEYS = {"grade", "below", "loss_over_income", "ours"}


@dataclass(frozen=True)
class GradeRule:
    """One grade and its conditions.

    below: multiple of the local line that net income must stay under; loss_over_income: share of the year's income that
    the loss by accident must exceed; ours: not an official grade.
    """

    grade: str
    below: float | None = None
    loss_over_income: float | None = None
    ours: bool = False


@dataclass(frozen=True)
class Book:
    """The rule in force on a day in an area."""

    name: str
    title_zh: str
    title_en: str
    area: str
    valid_from: date
    valid_to: date | None
    source: str
    certainty: str
    income: str
    grades: tuple[GradeRule, ...]
    otherwise: str


def load(on: str | None = None, area: str = "000000", folder: str | Path | None = None) -> Book:
    """The rule of ``area`` in force on the day ``on`` (YYYY-MM-DD): the area's own, else its province's, else national.

    Without ``on``, the newest rule: one measure for all waves, so that they can be compared.

    ``folder``: default ``data/rules`` of the project. Raises Problem where a file is malformed or none is in force.
    """
    place = rules_folder(folder)
    files = [path for path in sorted(place.glob("*.yml")) if not path.name.startswith(OTHER)]
    found = in_force([_read(path) for path in files], on, area)
    if found is None:
        raise reference.problem("rules.no_rule", folder=place.name, on=on or "-", area=area)
    return found


class Dated(Protocol):
    """A rule with its area and the days it is in force (``valid_to``: the first day it no longer is)."""

    @property
    def area(self) -> str: ...
    @property
    def valid_from(self) -> date: ...
    @property
    def valid_to(self) -> date | None: ...


Rule = TypeVar("Rule", bound=Dated)


def in_force(rules: Sequence[Rule], on: str | None, area: str) -> Rule | None:
    """The newest rule of ``area`` on the day ``on``: the area's own, else its city's, province's, the nation's."""
    day = pd.Timestamp(on).date() if on else date.max
    valid = [r for r in rules if r.valid_from <= day and (r.valid_to is None or day < r.valid_to)]
    for code in dict.fromkeys((area, area[:4] + "00", area[:2] + "0000", "000000")):
        found = [r for r in valid if r.area == code]
        if found:
            return max(found, key=lambda r: r.valid_from)
    return None


def rules_folder(folder: str | Path | None) -> Path:
    """The folder of rule files: ``folder``, else ``data/rules`` of the project."""
    return Path(folder) if folder else (reference.project_folder() or Path()) / "data" / "rules"


def _read(path: Path) -> Book:
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
        grades = tuple(_grade(entry) for entry in raw["grades"])
        book = Book(
            name=raw["name"],
            title_zh=raw["title"]["zh"],
            title_en=raw["title"]["en"],
            area=str(raw["area"]),
            valid_from=raw["valid_from"],
            valid_to=raw["valid_to"],
            source=raw["source"],
            certainty=raw["certainty"],
            income=raw["income"],
            grades=grades,
            otherwise=raw["otherwise"],
        )
        _check(book)
    except (KeyError, TypeError, ValueError, yaml.YAMLError) as error:
        raise reference.problem("rules.bad_rule", file=path.name, detail=f"{type(error).__name__}: {error}") from error
    return book


def _grade(entry: dict[str, Any]) -> GradeRule:
    unknown = set(entry) - GRADE_KEYS
    if unknown:
        raise ValueError(f"unknown condition {sorted(unknown)}; known: {sorted(GRADE_KEYS)}")
    return GradeRule(**entry)


def _check(book: Book) -> None:
    known = reference.codes("grade")
    for name in (*(g.grade for g in book.grades), book.otherwise):
        if name not in known:
            raise ValueError(f"unknown grade {name!r}; known: {sorted(known)}")
    if not isinstance(book.valid_from, date):
        raise ValueError("valid_from must be a date (YYYY-MM-DD)")
    if book.certainty not in CERTAINTIES:
        raise ValueError(f"certainty must be one of {sorted(CERTAINTIES)}")
    if any(g.below is None and g.loss_over_income is None for g in book.grades):
        raise ValueError("every grade needs a condition: below or loss_over_income")
