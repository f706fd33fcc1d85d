"""What counts as an exit: how many spells, exits and returns each rule finds, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from aidlib import reference
from aidlib.estimate import Design, Estimates, Study, stack
from aidlib.estimate.sampling import Floats, finite
from aidlib.relapse.requirements import ECONOMIC, at_least, column, dates, day
from aidlib.relapse.spells import Places, places

FIGURES = ("spells", "exits", "returns")
HARDSHIP = ("deep", "relative", "accident")
By = str | Sequence[str] | None


def hardship_states(panel: pd.DataFrame, grade: pd.Series, *, ratio: str = "net_ratio") -> pd.DataFrame:
    """The panel with the states that the rules speak of: 1, 0, or missing where they cannot be judged.

    in_hardship: the grade is deep, relative or accident; below_2l, below_l: net income under twice the local line, and
    under the line (``ratio``: net income over the line). grade: of ``rules.grade``, row for row.

    >>> import pandas as pd
    >>> panel = pd.DataFrame({"net_ratio": [0.8, 1.5, 2.0, None]})
    >>> states = hardship_states(panel, pd.Series(["deep", "relative", "near", None]))
    >>> states[["in_hardship", "below_2l", "below_l"]].head(3).values.tolist()
    [[1.0, 1.0, 1.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.0]]
    """
    share = pd.Series(finite(panel, ratio), panel.index)
    if len(grade) != len(panel):
        raise reference.problem("relapse.other_rows", what="grade")
    judged = grade.set_axis(panel.index)
    return panel.assign(
        in_hardship=judged.isin(HARDSHIP).astype(float).where(judged.notna()),
        below_2l=(share < 2).astype(float).where(share.notna()),
        below_l=(share < 1).astype(float).where(share.notna()),
    )


def exit_rules(
    panel: pd.DataFrame,
    design: Design | None,
    rules: Mapping[str, pd.DataFrame],
    *,
    unit: str = "household_id",
    time: str = "year",
    by: By = None,
    margins: bool = False,
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Weighted number of spells, economic exits and returns that each rule finds in the waves; keys exit_rule, figure.

    rules: name -> the spells of ``panel`` by that rule (of ``spells``, with other states or arguments). A spell and a
    return (a spell after an economic exit) count with the weight of the spell's first wave, an exit with that of the
    first wave out of it: what this panel can show over all its waves, to compare the rules with each other. A household
    that was not interviewed again shows no exit. count: such events in the sample. Totals over the design.

    >>> import pandas as pd
    >>> from aidlib.relapse import spells
    >>> panel = pd.DataFrame({"household_id": ["a"] * 5, "year": range(5), "in_hardship": [1, 0, 1, 0, 0]})
    >>> rules = {"one_wave": spells(panel), "two_waves": spells(panel, exit_after=2)}
    >>> exit_rules(panel, None, rules).rows["estimate"].tolist()
    [2.0, 2.0, 1.0, 1.0, 1.0, 0.0]
    """
    at_least("rules", len(rules), 1)
    study = Study.of(panel, design, by=by, margins=margins, df=df, base=base)
    at = places(panel, unit, time)
    events = np.stack([one for found in rules.values() for one in _events(found, at, unit, len(panel))], axis=1)
    keys = {"exit_rule": np.repeat(list(rules), len(FIGURES)), "figure": [*FIGURES] * len(rules)}
    return _totals(study, events, pd.DataFrame(keys, dtype="str"), "relapse_exit_rules")


def _totals(study: Study, events: Floats, keys: pd.DataFrame, method: str) -> Estimates:
    """Totals of events, rows of the sample × lines of ``keys``."""
    members = study.members().split(len(keys))
    numbers = events[members.unit, members.row % len(keys)]
    found = study.estimates(
        study.total(members, numbers),
        measure="exit_rules",
        unit="number",
        method=method,
        keys=keys,
        count=members.sum(numbers),
        additive=True,
    )
    return replace(found, method=method)


def _events(found: pd.DataFrame, at: Places, unit: str, rows: int) -> list[Floats]:
    """Events at the panel's rows: spells and returns where they begin, exits where they end."""
    of = at.units.get_indexer(pd.Index(column(found, unit)))
    start, end = (np.searchsorted(at.waves, finite(found, name)) for name in ("start", "end"))
    left = found["exit"].eq(ECONOMIC).to_numpy()
    back = left[:-1] & (of[1:] == of[:-1])
    returned = np.append(False, back)[: len(of)]
    begun, gone = at.rows_at(of, start), at.rows_at(of[left], end[left])
    if (begun < 0).any():
        raise reference.problem("relapse.other_rows", what="spells")
    gone = np.where(gone < 0, begun[left], gone)  # an end that no interview saw, known from elsewhere
    return [np.bincount(where, minlength=rows).astype(float) for where in (begun, gone, begun[returned])]


def register_rules(
    rules: Mapping[str, pd.DataFrame],
    *,
    since: pd.Timestamp | str,
    until: pd.Timestamp | str,
    by: str | None = None,
) -> Estimates:
    """Number of spells, economic exits and returns of the register by each rule; keys exit_rule, figure. Base R.

    rules: name -> spells of dossier_spells. spells, returns: opened, exits: closed, after day ``since`` and by
    ``until``; take an ``until`` that every rule can judge (bridge_months before the register's last day).

    >>> import pandas as pd
    >>> from aidlib.relapse import dossier_spells
    >>> files = pd.DataFrame({"household_id": ["a", "a"], "opened": pd.to_datetime(["2020-05-01", "2021-03-01"]),
    ...     "closed": pd.to_datetime(["2021-01-01", None]), "close_reason": ["economic", None]})
    >>> rules = {"dates": dossier_spells(files), "six_months": dossier_spells(files, bridge_months=6)}
    >>> register_rules(rules, since="2020-01-01", until="2022-01-01").rows["estimate"].tolist()
    [2.0, 1.0, 1.0, 1.0, 0.0, 0.0]
    """
    at_least("rules", len(rules), 1)
    first, last, found = day("since", since), day("until", until), {}
    for name, spells in rules.items():
        opened = dates(spells, "start").between(first, last, inclusive="right")
        closed = dates(spells, "end").between(first, last, inclusive="right")
        left, back = column(spells, "exit").eq(ECONOMIC), column(spells, "returned")
        events = np.stack([opened, closed & left, opened & back], axis=1).astype(np.float64)
        study = Study.of(spells, Design.census(), by=by, margins=by is not None)
        found[name] = _totals(study, events, pd.DataFrame({"figure": FIGURES}, dtype="str"), "relapse_register_rules")
    return stack(found, key="exit_rule")
