"""The price-linked supplement (物价补贴联动机制) as dated data: when it is triggered, by what it grows, for whom.

One YAML file a rule, ``price_supplement*.yml`` in the folder of rules.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import yaml

from aidlib import reference
from aidlib.rules.book import CERTAINTIES, OTHER, in_force, rules_folder


@dataclass(frozen=True)
class Trigger:
    """A price series and the rise over the same month of the year before, in per cent, that is enough."""

    series: str
    at_least: float


@dataclass(frozen=True)
class Supplement:
    """The rule for the indices of months from ``valid_from`` to before ``valid_to``.

    triggers: one is enough. growth: the supplement per person and month is the local line times the rise of the first
    of these series that is known. minimum: yuan per person and month. groups: who is paid.
    """

    name: str
    title_zh: str
    title_en: str
    area: str
    valid_from: date
    valid_to: date | None
    source: str
    certainty: str
    triggers: tuple[Trigger, ...]
    growth: tuple[str, ...]
    groups: tuple[str, ...]
    minimum: float = 0.0


def supplements(folder: str | Path | None = None) -> list[Supplement]:
    """All rules ``price_supplement*.yml`` in ``folder`` (default: ``data/rules`` of the project).

    Raises Problem where there is none, or a file is malformed.
    """
    place = rules_folder(folder)
    found = [_read(path) for path in sorted(place.glob(f"{OTHER}*.yml"))]
    if not found:
        raise reference.problem("rules.no_supplement", folder=place.name)
    return found


def supplement(on: str, area: str = "000000", folder: str | Path | None = None) -> Supplement | None:
    """The rule of ``area`` for the indices of the month that holds the day ``on`` (YYYY-MM-DD); None before any."""
    return in_force(supplements(folder), on, area)


def _read(path: Path) -> Supplement:
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
        found = Supplement(
            name=raw["name"],
            title_zh=raw["title"]["zh"],
            title_en=raw["title"]["en"],
            area=str(raw["area"]),
            valid_from=raw["valid_from"],
            valid_to=raw["valid_to"],
            source=raw["source"],
            certainty=raw["certainty"],
            triggers=tuple(Trigger(str(t["series"]), float(t["at_least"])) for t in raw["triggers"]),
            growth=tuple(raw["growth"]),
            groups=tuple(raw["groups"]),
            minimum=float(raw.get("minimum", 0.0)),
        )
        _check(found)
    except (KeyError, TypeError, ValueError, yaml.YAMLError) as error:
        raise reference.problem("rules.bad_rule", file=path.name, detail=f"{type(error).__name__}: {error}") from error
    return found


def _check(rule: Supplement) -> None:
    if not isinstance(rule.valid_from, date):
        raise ValueError("valid_from must be a date (YYYY-MM-DD)")
    if rule.certainty not in CERTAINTIES:
        raise ValueError(f"certainty must be one of {sorted(CERTAINTIES)}")
    if not rule.triggers or not rule.growth:
        raise ValueError("needs at least one trigger and one series of growth")
    if rule.minimum < 0 or any(t.at_least <= 0 for t in rule.triggers):
        raise ValueError("at_least must be above 0 and minimum not below 0")
