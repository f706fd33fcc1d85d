"""Whose hardship, whose inequality: contributions of groups to FGT, inequality within and between groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from aidlib import reference
from aidlib.estimate import Design, Estimates, Study
from aidlib.estimate.domains import ALL, Members, domains
from aidlib.estimate.influence import Influence
from aidlib.estimate.sampling import Floats
from aidlib.estimate.study import Claim, Found
from aidlib.poverty.inequality import GINI, entropy_claim, entropy_of, gini_of, positive
from aidlib.poverty.intervals import log, odds, share
from aidlib.poverty.lines import Line, line_values, with_line
from aidlib.poverty.measures import fgt_slopes, is_poor, poverty_gaps
from aidlib.poverty.parts import beside, shares_of_total

PARTS = Claim(n=60, psus=20, df=10)  # held over 2,000 draws (tests/poverty/test_coverage.py)
MEASURES = ("entropy", "gini")


def fgt_contributions(
    sample: pd.DataFrame,
    design: Design | None,
    income: str,
    *,
    line: Line,
    alpha: float = 0,
    multiple: float = 1.0,
    by: str | Sequence[str],
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Each group's share of all hardship, sum(w d^alpha) of its poor over that of everyone, beside its population.

    Key column ``component``: ``population`` and ``contribution``; ratios that add up to 1 over the groups. alpha,
    line and multiple as in ``fgt``; ``count``: the group's poor. Without any poor there is nothing to share: no value.
    Source: Foster, Greer & Thorbecke (1984), Econometrica 52(3), 761-766.

    >>> import pandas as pd
    >>> sample = pd.DataFrame({"income": [1.0, 2, 9, 1], "sex": ["f", "f", "f", "m"]})
    >>> fgt_contributions(sample, None, "income", line=3, by="sex").rows["estimate"].round(2).tolist()
    [0.75, 0.67, 0.25, 0.33]
    """
    if not 0 <= alpha < np.inf:
        raise reference.problem("poverty.alpha")
    study = Study.of(sample, design, by=by, df=df, base=base)
    incomes = study.column(income)
    lines = line_values(study, incomes, line, multiple)
    gaps = poverty_gaps(incomes, lines.values, alpha)
    members = study.members(gaps)
    shares = shares_of_total(study, members, gaps[members.unit])
    if lines.influence is not None:
        people = members.sum(study.sampling.weight[members.unit])
        moved = people * np.nan_to_num(fgt_slopes(study, members, incomes, lines.values, alpha))
        amount = members.sum((study.sampling.weight * gaps)[members.unit]).sum()
        slopes = (moved - np.nan_to_num(shares.estimate) * moved.sum()) / (amount if amount > 0 else np.inf)
        shares = with_line(study, shares, lines, slopes)
    found = beside([shares_of_total(study, members, np.ones(len(members.unit))), shares])
    poor = members.sum(is_poor(incomes, lines.values)[members.unit])
    return study.estimates(
        found,
        measure=f"contribution_{alpha:g}",
        unit="ratio",
        method="poverty_contributions",
        keys=pd.DataFrame({"component": ["population", "contribution"]}, dtype="str"),
        interval=share("logit"),
        count=np.stack([members.sum(), poor], axis=1).ravel(),
        claim=PARTS,
    )


def decompose_inequality(
    sample: pd.DataFrame,
    design: Design | None,
    income: str,
    *,
    by: str,
    measure: str = "entropy",
    alpha: float = 1.0,
    nonpositive: str = "fail",
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Inequality within and between the groups of the column ``by``; units without a group are left out.

    Key columns ``component`` and ``subgroup``: total, within, between (each "all") and every group's part of within
    (subgroup "column=value").
    measure "entropy": GE(alpha) = sum_g p_g^(1-a) s_g^a GE_g + GE(group means), p and s a group's shares of people and
    income; needs incomes above 0 (``nonpositive`` as in ``atkinson``). "gini": within is sum_g p_g s_g G_g, between the
    Gini of the group means, and what the groups' ranges share is the component ``overlap``. The parts add up to total.
    Sources: Shorrocks (1984), Econometrica 52(6), 1369-1385; Lambert & Aronson (1993), Economic Journal 103(420).

    >>> import pandas as pd
    >>> sample = pd.DataFrame({"income": [1.0, 3, 2, 6], "sex": ["f", "f", "m", "m"]})
    >>> decompose_inequality(sample, None, "income", by="sex", alpha=2).rows["estimate"].round(4).tolist()
    [0.1944, 0.1389, 0.0556, 0.0278, 0.1111]
    """
    if measure not in MEASURES:
        raise reference.problem("estimate.option", option="measure", allowed=", ".join(MEASURES))
    study = Study.of(sample, design, df=df, base=base)
    incomes = study.column(income)
    grouped = domains(sample, by, False)
    groups = grouped.members.where(np.isfinite(incomes))
    if measure == "entropy":
        groups = positive(groups, incomes, income, nonpositive)
    facts = _Facts.of(study, groups, incomes[groups.unit], measure, alpha)
    components = ["total", "within", "between"] + (["overlap"] if measure == "gini" else [])
    found = _laid_out(facts, groups, facts.gini() if measure == "gini" else facts.entropy(alpha))
    names = grouped.columns[by].tolist()
    keys = {
        "component": components + ["within"] * len(names),
        "subgroup": [ALL] * len(components) + [f"{by}={name}" for name in names],
    }
    return study.estimates(
        found,
        measure="gini" if measure == "gini" else f"generalised_entropy_{alpha:g}",
        unit="index",
        method="poverty_inequality_decomposition",
        keys=pd.DataFrame(keys, dtype="str"),
        interval=odds if measure == "gini" else log,
        claim=GINI if measure == "gini" else entropy_claim(alpha),
    )


@dataclass(frozen=True, eq=False)
class _Facts:
    """People, income and inequality of each group and of all, with their influence: people, income, groups', total."""

    people: Floats
    money: Floats
    own: Floats
    total: float
    influence: Influence

    @classmethod
    def of(cls, study: Study, groups: Members, y: Floats, measure: str, alpha: float) -> _Facts:
        whole = Members(groups.unit, np.zeros_like(groups.row), 1)
        if measure == "gini":
            own, total = gini_of(study, groups, y), gini_of(study, whole, y)
        else:
            own, total = entropy_of(study, groups, y, alpha), entropy_of(study, whole, y, alpha)
        people, money = study.total(groups, np.ones(len(y))), study.total(groups, y)
        joint = people.influence.beside([money.influence, own.influence, total.influence])
        return cls(people.estimate, money.estimate, own.estimate, float(total.estimate[0]), joint)

    @property
    def shares(self) -> tuple[Floats, Floats]:
        """Of people and of income, by group."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.people / self.people.sum(), self.money / self.money.sum()

    def entropy(self, alpha: float) -> tuple[Floats, Floats]:
        """Parts and their derivatives by (people, income, own, total): (within of each group), total last."""
        within, slopes = self._within(1 - alpha, alpha)
        return within, slopes

    def gini(self) -> tuple[Floats, Floats]:
        """As ``entropy``, with the between part as the last column."""
        within, slopes = self._within(1, 1)
        people, money = self.people.sum(), self.money.sum()
        sign = np.sign(np.outer(self.money, self.people) - np.outer(self.people, self.money))
        apart = sign * (np.outer(self.money, self.people) - np.outer(self.people, self.money))
        with np.errstate(divide="ignore", invalid="ignore"):  # nobody, or no money: no value
            between = apart.sum() / (2 * people * money)
            by_people = -(sign @ self.money) / (people * money) - between / people
            by_money = (sign @ self.people) / (people * money) - between / money
        column = np.concatenate([by_people, by_money, np.zeros(len(self.own) + 1)])
        return np.append(within, between), np.column_stack([slopes, column])

    def _within(self, on_people: float, on_money: float) -> tuple[Floats, Floats]:
        """p^on_people s^on_money I of each group, with derivatives: (3 groups + 1) × groups."""
        size = len(self.own)
        p, s = self.shares
        with np.errstate(divide="ignore", invalid="ignore"):
            weight = p**on_people * s**on_money
            part = np.nan_to_num(weight * self.own)
            by_people = np.diag(on_people * part / self.people) - on_people * part / self.people.sum()
            by_money = np.diag(on_money * part / self.money) - on_money * part / self.money.sum()
        slopes = np.vstack([by_people, by_money, np.diag(weight), np.zeros((1, size))])
        return part, np.nan_to_num(slopes, posinf=0, neginf=0)


def _laid_out(facts: _Facts, groups: Members, parts: tuple[Floats, Floats]) -> Found:
    """Total, within, between (, overlap) and the groups' parts, with members."""
    values, slopes = parts
    size = len(facts.own)
    total = np.zeros((slopes.shape[0], 1))
    total[-1] = 1.0
    held = facts.people > 0
    within, by_within = values[:size].sum() if held.any() else np.nan, slopes[:, :size].sum(axis=1, keepdims=True)
    head, by_head = [facts.total, within], [total, by_within]
    if len(values) > size:
        head += [values[size], facts.total - within - values[size]]
        by_head += [slopes[:, size:], total - by_within - slopes[:, size:]]
    else:
        head.append(facts.total - within)
        by_head.append(total - by_within)
    lines = len(head)
    mix = np.column_stack([*by_head, slopes[:, :size]])
    unit = np.concatenate([np.tile(groups.unit, lines), groups.unit])
    row = np.concatenate([np.repeat(np.arange(lines), len(groups.unit)), groups.row + lines])
    members = Members(unit, row, lines + size)
    own = np.where(held, values[:size], np.nan)  # a group whose weights are all 0 has no part
    return Found(members, np.append(head, own), facts.influence.mixed(sparse.csr_array(mix)))
