"""For whom the risk score errs: observed against expected returns, AUC and missed returns by group and by year."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from aidlib import reference
from aidlib.estimate import Design, Estimates, function_of, ratio, stack
from aidlib.estimate.domains import column_codes
from aidlib.poverty.intervals import log
from aidlib.relapse.accuracy import auc
from aidlib.relapse.capacity import recall
from aidlib.relapse.validation import MODEL, RISK, YEAR, Validation, refuse_few

GROUPS = ("worker_sex", "age_band", "region", "recorded_grade")


def group_errors(
    validation: Validation, design: Design | None, groups: Sequence[str] = GROUPS, *, base: str = "X"
) -> Estimates:
    """Errors of the tested risks by the values of each column of ``groups``: domain ``subgroup``, "column=value".

    Key columns ``variable`` and ``figure``: observed_expected (returns over the sum of the risks, 1 is right, log
    interval), auc within exit years, false_negative_rate: of those who returned the share that a list at the
    validation's capacity, made of all groups together, would have missed. Groups with fewer than 50 returns, or 50
    exits without, are flagged "quality".
    """
    tested, found = validation.exits[RISK + MODEL].notna(), {}
    for name in groups:
        table = validation.exits.assign(subgroup=_subgroups(validation.exits, name, tested))
        found[name] = _errors(validation, table, design, "subgroup", base)
    return stack(found, key="variable")


def year_errors(validation: Validation, design: Design | None, *, base: str = "X") -> Estimates:
    """The same figures by year of exit (domain ``exit_year``): how stable the score is."""
    exits = validation.exits
    table = exits.assign(**{YEAR: exits[YEAR].where(exits[RISK + MODEL].notna())})
    return _errors(validation, table, design, YEAR, base)


def _errors(validation: Validation, table: pd.DataFrame, design: Design | None, by: str, base: str) -> Estimates:
    """The figures of the domains of one column."""
    columns = (table, design, validation.model.outcome, RISK + MODEL)
    area = auc(*columns, by=by, within=YEAR, base=base)
    found = recall(*columns, capacity=validation.capacity, within=YEAR, by=by, base=base)
    missed = function_of(lambda found: 1 - found, measure="false_negative_rate", unit="share", found=found)
    figures = {"observed_expected": observed_expected(*columns, by=by, base=base), "auc": area}
    every = stack(figures | {"false_negative_rate": missed}, key="figure")
    events = np.repeat(area.rows["count"].to_numpy(), 3)
    others = np.repeat(area.rows["n"].to_numpy(), 3) - events
    named = replace(every, rows=every.rows.assign(measure="risk_score"), unit="index", method="relapse_groups")
    return refuse_few(named, events, others)


def observed_expected(
    sample: pd.DataFrame,
    design: Design | None,
    outcome: str,
    risk: str,
    *,
    by: str | Sequence[str] | None = None,
    base: str | None = None,
) -> Estimates:
    """Weighted returns over the weighted sum of the risks; 1 is right, above 1 more came back than was foreseen."""
    found = ratio(sample, design, outcome, risk, by=by, base=base)
    numbers = [found.rows[name].to_numpy() for name in ("estimate", "se", "df", "n", "psus")]
    low, high = log(*numbers)
    rows = found.rows.assign(measure="observed_expected", low=low, high=high, top1=np.nan, top2=np.nan)
    return replace(found, rows=rows, method="relapse_observed_expected")


def _subgroups(exits: pd.DataFrame, name: str, tested: pd.Series) -> pd.Series:
    """The values of a column as "column=value", in its order; missing for exits that were not tested."""
    if name not in exits:
        raise reference.problem("estimate.no_column", column=name)
    code, values = column_codes(exits[name].where(tested))
    levels = pd.CategoricalDtype([f"{name}={value}" for value in values], ordered=True)
    return pd.Series(pd.Categorical.from_codes(code, dtype=levels), index=exits.index)
