"""Leaving and returning in one model, with one trait of the household that acts on both.

Who leaves early may be who does not come back: then those who are at risk of a return are a selection, and a model of
returns alone takes their trait for what time does. Seen together, from its first spell on, a household's exits and
returns show its trait. Source: Flinn & Heckman (1982), Advances in Econometrics 1, 35-95.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.linalg import block_diag

from aidlib import reference
from aidlib.estimate import Design, Estimates, stack
from aidlib.relapse.dependence import yearly_chances
from aidlib.relapse.frailty import SD, Units, mixed
from aidlib.relapse.hazards import Hazards, discrete_hazard, judged
from aidlib.relapse.periods import Periods
from aidlib.relapse.requirements import column


def joint_hazards(
    sample: pd.DataFrame,
    design: Design | None,
    processes: Mapping[str, Periods],
    *,
    position: str = "position",
    link: str = "logit",
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Discrete hazards of several processes that share a normally distributed trait (keys ``position``, ``term``).

    processes: for each value of the column ``position``, such as "on_file" and "left", which event ends it and by what
    it is predicted (all with the same ``unit``); rows of other positions stand aside. Rows as in ``discrete_hazard``,
    and for each process one of the measure "sd": what a trait higher by one standard deviation adds to its log odds,
    the sign such that it is not negative in the last process. That of the last process is the trait's standard
    deviation on its scale; a trait that hastens returns and delays exits shows as a negative number in exits.
    Households whose first spell is known from its beginning, or from later on in it, are without selection (the years
    before are conditioned on, see ``frailty``); those first met after an exit are not.
    Raises Problem as ``discrete_hazard``, and for a position that does not occur.
    """
    fitted = {name: _fitted(sample, design, position, name, read, link, df, base) for name, read in processes.items()}
    all_of_them = list(fitted.values())
    trait = mixed(Units.of([h.model for h in all_of_them], sample, list(processes.values())))
    table = block_diag(*(h.table for h in all_of_them), np.eye(len(fitted)))
    order = np.argsort(np.concatenate([_positions(all_of_them), np.arange(len(fitted))]), kind="stable")
    found = trait.found(lambda parameters, weight: table[order] @ parameters, table[order])
    keys, measures, n, count = [], [], [], []
    for name, hazards in fitted.items():
        total, events = hazards.totals
        keys += [(name, term) for term in [*hazards.names, SD]]
        measures += [*hazards.measures, SD]
        n += [*hazards.units[0], total]
        count += [*hazards.units[1], events]
    result = all_of_them[0].model.study.estimates(
        found,
        measure="coefficient",
        unit="number",
        method="relapse_joint_hazards",
        keys=pd.DataFrame(keys, columns=[position, "term"], dtype="str"),
        n=np.array(n),
        count=np.array(count),
    )
    rows = result.rows.assign(measure=pd.array(measures, dtype="str"))
    return judged(replace(result, rows=rows, kind="effect"), min(h.totals[1] for h in all_of_them))


def state_dependence(
    sample: pd.DataFrame,
    design: Design | None,
    processes: Mapping[str, Periods],
    *,
    position: str = "position",
    link: str = "logit",
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Chance of each process by year where predictors are 0 or at their reference (keys model, ``position``, time).

    model: "plain", each process alone and without a trait; "normal", ``joint_hazards``, for a household of average
    trait. What is left of the fall in the second is what time does, the rest is sorting. Arguments, and Problems, as
    ``joint_hazards``.
    """
    options: dict[str, Any] = {"link": link, "df": df, "base": base}
    apart = {
        name: yearly_chances(
            discrete_hazard(_alone(sample, position, name, read), design, **vars(read), **options), link=link
        )
        for name, read in processes.items()
    }
    together = yearly_chances(joint_hazards(sample, design, processes, position=position, **options), link=link)
    return replace(stack({"plain": stack(apart, key=position), "normal": together}, key="model"), kind="curve")


def _alone(sample: pd.DataFrame, position: str, name: str, periods: Periods) -> pd.DataFrame:
    """The rows of one process; those of others only keep their place in the design."""
    inside = column(sample, position) == name
    return sample.assign(**{one: sample[one].where(inside) for one in (periods.event, periods.duration)})


def _fitted(
    sample: pd.DataFrame,
    design: Design | None,
    position: str,
    name: str,
    periods: Periods,
    link: str,
    df: str,
    base: str | None,
) -> Hazards:
    """One process without trait: the events of rows elsewhere are missing, so that they stay in the design."""
    inside = column(sample, position) == name
    if not inside.any():
        known = ", ".join(sorted(str(value) for value in sample[position].dropna().unique()))
        raise reference.problem("relapse.no_cause", column=position, cause=name, known=known)
    return Hazards.of(_alone(sample, position, name, periods), design, periods, link=link, df=df, base=base)


def _positions(fitted: list[Hazards]) -> np.ndarray:
    """Which process each coefficient is of."""
    return np.repeat(np.arange(len(fitted)), [len(hazards.table) for hazards in fitted])
