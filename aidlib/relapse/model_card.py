"""The model card: what a risk score was made of, how well it does and for whom, and what it must not be used for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from aidlib import reference
from aidlib.estimate import Design, Estimates
from aidlib.relapse.fairness import GROUPS, group_errors, year_errors
from aidlib.relapse.privacy import membership
from aidlib.relapse.risk_model import FittedRisk
from aidlib.relapse.validation import MODEL, RISK, Validation

TABLES = ("validation", "differences", "groups", "years", "membership")
TEXTS = ("use", "forbidden", "limits", "access", "contest")
NUMBERS = ["estimate", "se", "low", "high", "n", "count", "psus"]


@dataclass(frozen=True, eq=False)
class ModelCard:
    """Facts (JSON types) and tables of a risk model; numbers that may not be published are not in it."""

    facts: Mapping[str, Any]
    tables: Mapping[str, Estimates]

    @property
    def attack(self) -> float:
        """The larger AUC of the membership attacks."""
        return float(self.tables["membership"].rows["estimate"].max(skipna=False))

    def signed(self, sha256: str) -> ModelCard:
        """The card of the model file with this checksum."""
        return replace(self, facts={**self.facts, "sha256": sha256})

    def to_json(self) -> str:
        """The card as JSON text with a checksum of its own."""
        content = {"facts": dict(self.facts), "tables": {name: e.to_json() for name, e in self.tables.items()}}
        return json.dumps({**content, "checksum": _checksum(content)}, ensure_ascii=False, indent=1) + "\n"

    @classmethod
    def read(cls, path: Path) -> ModelCard:
        """The card in a file; Problem where it does not match its own checksum."""
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            content = {"facts": found["facts"], "tables": found["tables"]}
            intact = found["checksum"] == _checksum(content)
        except (ValueError, KeyError, TypeError):
            intact = False
        if not intact:
            raise reference.problem("relapse.model_changed", file=path.name)
        return cls(content["facts"], {name: Estimates.from_json(entry) for name, entry in content["tables"].items()})

    def markdown(self, language: str) -> str:
        """The card for a reader, zh or en."""
        parts = [
            f"# {_text('title', language, **self._values(language))}",
            _text("what", language, **self._values(language)),
        ]
        parts += [_text("predictors", language), _lines(self._predictors(language))]
        for name in TABLES:
            parts += [f"## {_text(f'table_{name}', language)}", _lines(self.tables[name].table(language))]
            if name == "differences":
                parts.append(str(self.facts["verdict"][language]))
        for name in TEXTS:
            parts.append(_text(name, language))
        return "\n\n".join(parts) + "\n"

    def _values(self, language: str) -> dict[str, Any]:
        """What the texts of the card name."""
        model, years = self.facts["model"], self.facts["years"]
        return {
            "horizon": model["horizon"],
            "kind": _text("kind_" + model["kind"], language),
            "first": years[0],
            "last": years[1],
            "n": f"{model['n']:,}",
            "events": f"{model['events']:,}",
            "sha256": str(self.facts.get("sha256", ""))[:16],
        }

    def _predictors(self, language: str) -> pd.DataFrame:
        """The predictors, when they are known and which way they may work."""
        heads = [_text(f"head_{name}", language) for name in ("predictor", "known_at", "direction")]
        words = {
            direction: _text(f"direction_{key}", language)
            for direction, key in ((-1, "less"), (0, "open"), (1, "more"))
        }
        known = {"exit": _text("known_exit", language)}
        rows = [
            [reference.heading(name, language), known.get(at, reference.heading(at, language)), words[direction]]
            for name, at, direction in self.facts["model"]["predictors"]
        ]
        return pd.DataFrame(rows, columns=heads)


def model_card(
    fitted: FittedRisk,
    validation: Validation,
    design: Design | None,
    *,
    groups: Sequence[str] = GROUPS,
    unit: str = "household_id",
) -> ModelCard:
    """The card of a fitted model: its validation, errors by group and year, and membership attacks on its like.

    design: of the exits that were validated, from which the model learnt; groups: columns as in ``group_errors``.
    Numbers flagged for their quality are taken out. Raises Problem where the validation is that of another model or of
    other exits.
    """
    model, known = fitted.model, validation.exits[fitted.model.outcome]
    if validation.model != model:
        raise reference.problem("relapse.other_model", detail="RiskModel")
    if (known.count(), known.sum()) != (fitted.n, fitted.events):
        raise reference.problem("relapse.other_model", detail=f"n = {fitted.n} / {known.count()}")
    tables = (
        validation.figures,
        validation.differences,
        group_errors(validation, design, groups),
        year_errors(validation, design),
        membership(validation.exits, design, model, unit=unit),
    )
    years = validation.exits["exit_year"]
    facts = {
        "model": described(fitted),
        "years": _span(years[known.notna()]),
        "tested_years": _span(years[validation.exits[RISK + MODEL].notna()]),
        "capacity": validation.capacity,
        "verdict": {language: validation.sentence(language) for language in ("zh", "en")},
    }
    return ModelCard(facts, {name: _open(table) for name, table in zip(TABLES, tables, strict=True)})


def described(fitted: FittedRisk) -> dict[str, Any]:
    """The specification of a fitted model and what it learnt from, as JSON types."""
    model = fitted.model
    return {
        "horizon": model.horizon,
        "kind": model.kind,
        "predictors": [[p.name, p.known_at, p.direction] for p in model.predictors],
        "n": fitted.n,
        "events": fitted.events,
    }


def _span(years: pd.Series) -> list[int | None]:
    return [int(years.min()), int(years.max())] if len(years) else [None, None]


def _open(estimates: Estimates) -> Estimates:
    """The rows without the numbers that may not be published, and without covariance."""
    withheld = ~estimates.rows["flag"].isin(["", "care"]).to_numpy()
    rows = estimates.rows.copy()
    rows.loc[withheld, NUMBERS] = np.nan
    return replace(estimates, rows=rows, covariance=None, _influence=None)


def _checksum(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _text(key: str, language: str, **values: Any) -> str:
    return reference.message(f"relapse.card_{key}", language, **values)


def _lines(table: pd.DataFrame) -> str:
    """A table as Markdown."""
    rows = [list(table.columns), ["---"] * len(table.columns), *table.astype("str").values.tolist()]
    return "\n".join(
        "| " + " | ".join(str(cell).replace("|", "/").replace("\n", " ") for cell in row) + " |" for row in rows
    )
