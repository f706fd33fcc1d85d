"""Predictors that know the future: what a risk score may be made of, and what is refused by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from aidlib import reference
from aidlib.estimate.domains import column_codes
from aidlib.estimate.sampling import Floats, finite
from aidlib.relapse.accuracy import weight_below

EXIT = "exit"
AFTERWARDS = frozenset(
    {"away", "back", "duration", "event", "event_date", "observed", "returned", "stop", "visited_after"}
)
OUTCOME_PREFIXES = ("return_", "returned_")
CANARY = 0.98  # AUC of a single predictor above which it must have seen the outcome
LEAST = 20  # returns, and exits without, from which on such an AUC is no chance


@dataclass(frozen=True)
class Predictor:
    """A column that may predict a return.

    known_at: "exit" for what is in the file on the day of exit, or the date column that tells when the value became
    known, which must not lie after the exit. direction: 1 where theory says that more means more risk, -1 less, 0 open.
    """

    name: str
    known_at: str
    direction: int = 0

    def __post_init__(self) -> None:
        if self.direction not in (-1, 0, 1):
            raise reference.problem("estimate.option", option="direction", allowed="-1, 0, 1")


def check_leakage(exits: pd.DataFrame, predictors: Sequence[Predictor], *, outcome: str) -> None:
    """Refuse a predictor that is known only after the exit: Problem that names it.

    Refused: the outcome, dates of return and other columns of what came afterwards; columns of dates with a date after
    ``exit_date``; predictors whose ``known_at`` is not "exit" and holds a date after it, or no date where there is a
    value; and a predictor that alone, by its value or by being missing, orders the exits by outcome with an AUC above
    0.98 (of at least 20 returns and 20 exits without): nothing known at exit can do that.
    """
    for predictor in predictors:
        if predictor.name not in exits:
            raise reference.problem("estimate.no_column", column=predictor.name)
        if _is_outcome(predictor.name, outcome):
            raise reference.problem("relapse.leak_outcome", column=predictor.name)
        _check_dates(exits, predictor)
    y = finite(exits, outcome)
    for predictor in predictors:
        _check_canary(exits[predictor.name], y)


def _is_outcome(name: str, outcome: str) -> bool:
    return name == outcome or name in AFTERWARDS or name.startswith(OUTCOME_PREFIXES)


def _check_dates(exits: pd.DataFrame, predictor: Predictor) -> None:
    """The predictor, where it holds dates, and the date at which it became known, lie before or at the exit."""
    values = exits[predictor.name]
    if pd.api.types.is_datetime64_any_dtype(values):
        _refuse_late(exits, values, values.notna(), predictor.name)
        raise reference.problem("estimate.not_numeric", column=predictor.name, rows=int(values.notna().sum()))
    if predictor.known_at == EXIT:
        return
    if predictor.known_at not in exits:
        raise reference.problem("relapse.leak_undeclared", column=predictor.name, known_at=predictor.known_at)
    known = exits[predictor.known_at]
    if not pd.api.types.is_datetime64_any_dtype(known):
        raise reference.problem("relapse.leak_undeclared", column=predictor.name, known_at=predictor.known_at)
    _refuse_late(exits, known, values.notna(), predictor.name)


def _refuse_late(exits: pd.DataFrame, known: pd.Series, given: pd.Series, name: str) -> None:
    if "exit_date" not in exits:
        raise reference.problem("estimate.no_column", column="exit_date")
    late = given & ~(known <= exits["exit_date"])
    if late.any():
        raise reference.problem("relapse.leak_late", column=name, rows=int(late.sum()))


def _check_canary(values: pd.Series, y: Floats) -> None:
    known = np.isfinite(y)
    for score in (_missing(values), _ordered(values, y)):
        at = known & np.isfinite(score)
        area = _area(score[at], y[at])
        if max(area, 1 - area) > CANARY:
            raise reference.problem("relapse.leak_canary", column=str(values.name), auc=f"{max(area, 1 - area):.3f}")


def _missing(values: pd.Series) -> Floats:
    return values.isna().to_numpy().astype(np.float64)


def _ordered(values: pd.Series, y: Floats) -> Floats:
    """A number as it is; a text as the share of its value that returned."""
    if pd.api.types.is_numeric_dtype(values):
        return values.to_numpy(np.float64, na_value=np.nan)
    code, _ = column_codes(values)
    known = np.isfinite(y) & (code >= 0)
    size = int(code.max(initial=0)) + 1
    events = np.bincount(code[known], weights=y[known], minlength=size)
    with np.errstate(invalid="ignore"):
        share = events / np.bincount(code[known], minlength=size)
    return np.where(code >= 0, share[code], np.nan)


def _area(score: Floats, y: Floats) -> float:
    """Unweighted AUC; one half where either side has fewer than ``LEAST``."""
    events = float(y.sum())
    if min(events, len(y) - events) < LEAST:
        return 0.5
    below, equal = weight_below(np.zeros(len(y), dtype=np.int64), score, 1 - y)
    return float(((below + equal / 2) * y).sum() / (events * (len(y) - events)))
