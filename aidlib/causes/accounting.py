"""How much of hardship each cause accounts for: the Shapley value of headcount and gap over what households bear.

Every household is asked what its hardship would be without each of the 2^k sets of causes: a cost is given back to its
income, a need (more mouths to feed, higher prices) is taken off its line. The shares are formed household by household,

    phi_ij = sum over sets S without j of  |S|! (k - |S| - 1)! / k!  (y_i(S with j) - y_i(S)),

y_i being 1 below the line and 0 else, or the gap; their means over the population are the shares of headcount or gap,
so that k numbers a household carry the errors of the design. They answer a question of accounting: what would be
without a cost, all else unchanged. That paying for it changes nothing else they do not show.
Source: Shorrocks (2013), J. Economic Inequality 11(1), 99-126.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aidlib import reference
from aidlib.causes.shapley import Margins, checked, shapley_weights, sums_of_parts
from aidlib.estimate import Design, Estimates, Study
from aidlib.estimate.intervals import wald
from aidlib.estimate.sampling import Floats
from aidlib.poverty.intervals import odds
from aidlib.poverty.lines import line_values
from aidlib.poverty.measures import poverty_gaps

CELLS = 1 << 18  # households × sets worked out at once: 2 MB, which stay in the processor's cache
DUST = 1e-12  # a share below it is rounding: the household has none
ENDS = ("low_income", "total")
WAYS = ("alone", "after_others")
By = str | Sequence[str] | None


def hardship_shares(
    sample: pd.DataFrame,
    design: Design | None,
    income: str,
    *,
    line: float | str,
    costs: Sequence[str] = (),
    needs: Sequence[str] = (),
    alpha: float = 0,
    multiple: float = 1.0,
    relative: bool = False,
    by: By = None,
    margins: bool = False,
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Shares of the causes in FGT(alpha), key column ``component``: each cause, ``low_income`` and the ``total``.

    income: after the costs, per head; line: a number or column, times ``multiple``. costs: columns in the income's unit
    that a household would have more without the cause. needs: columns that say how many times the line is what it
    would be without the cause, e.g. the level of prices; ``components`` makes both. ``low_income``: hardship without
    any of the causes; with it the shares add up to the total, FGT(alpha) itself, in pp. relative: as fractions of the
    total. n: households with a value of the cause; ``count``: those in whose hardship it has a share.
    A cause without a value for a household counts as not there, so that its share is a lower bound. One that nobody
    has, or nobody was asked about, is left out of the game and its row is empty. Where needs fell a share is negative.
    Raises Problem for negative costs, needs of 0 or less, no cause or more than 12.

    >>> import pandas as pd
    >>> sample = pd.DataFrame({"net": [80.0, 80, 40, 150], "illness": [30.0, 15, 0, 60], "schooling": [0.0, 15, 0, 0]})
    >>> found = hardship_shares(sample, None, "net", line=100.0, costs=["illness", "schooling"]).rows
    >>> dict(zip(found["component"], found["estimate"]))
    {'illness': 0.375, 'schooling': 0.125, 'low_income': 0.25, 'total': 0.75}
    """
    study = Study.of(sample, design, by=by, margins=margins, df=df, base=base)
    game = _Game.of(study, income, line, multiple, costs, needs, alpha)
    every = 2 ** len(game.live) - 1  # the set of all causes, taken away
    ends = np.column_stack([_sum(every, plus=every), _sum(every, plus=0)])
    weights = np.hstack([-shapley_weights(len(game.live)), ends])
    table = game.table(weights, [*game.live, *ENDS], [*game.names, *ENDS])
    keys = pd.DataFrame({"component": [*game.names, *ENDS]}, dtype="str")
    whole = table[:, -1] if relative else None
    found = _estimates(study, game, table, keys, f"contribution_{alpha:g}", "causes_shares", whole)
    blocks = len(found.rows) // len(keys)
    return replace(
        found,
        unit="ratio" if relative else "pp",
        margins=found.margins + _present(found, sums_of_parts(blocks, len(keys))),
    )


def if_reimbursed(
    sample: pd.DataFrame,
    design: Design | None,
    income: str,
    *,
    line: float | str,
    costs: Sequence[str] = (),
    needs: Sequence[str] = (),
    alpha: float = 0,
    multiple: float = 1.0,
    by: By = None,
    margins: bool = False,
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """By how much FGT(alpha) would fall if a cause were made good; key columns ``component`` and ``made_good``.

    ``alone``: nothing else is made good, the last step of the Shapley value; ``after_others``: all other causes already
    are, its first step. The two tell the range from one measure to the last of many; orders in between can lie outside.
    In pp; arguments, n, count and errors as ``hardship_shares``.

    >>> import pandas as pd
    >>> sample = pd.DataFrame({"net": [80.0, 80, 40, 150], "illness": [30.0, 15, 0, 60], "schooling": [0.0, 15, 0, 0]})
    >>> found = if_reimbursed(sample, None, "net", line=100.0, costs=["illness", "schooling"]).rows
    >>> found["estimate"].tolist()
    [0.25, 0.5, 0.0, 0.25]
    """
    study = Study.of(sample, design, by=by, margins=margins, df=df, base=base)
    game = _Game.of(study, income, line, multiple, costs, needs, alpha)
    every = 2 ** len(game.live) - 1  # the set of all causes, taken away
    bits = [1 << place for place in range(len(game.live))]
    steps = [_sum(every, plus=0, minus=bit) for bit in bits]
    steps += [_sum(every, plus=every - bit, minus=every) for bit in bits]
    live = [(name, way) for way in WAYS for name in game.live]
    wanted = [(name, way) for name in game.names for way in WAYS]
    table = game.table(np.array(steps).reshape(len(live), every + 1).T, live, wanted)
    keys = pd.DataFrame(wanted, columns=["component", "made_good"], dtype="str")
    return replace(_estimates(study, game, table, keys, f"reimbursed_{alpha:g}", "causes_reimbursed", None), unit="pp")


@dataclass(frozen=True, eq=False)
class _Game:
    """What every household earns and bears; which of the causes anybody has.

    names: the causes asked for; costs, needs: those that anybody has, and their values (missing: not there); answered:
    sample rows × names, whether the household has a value.
    """

    names: list[str]
    costs: list[str]
    needs: list[str]
    amounts: Floats
    ratios: Floats
    answered: NDArray[np.bool_]
    income: Floats
    line: Floats
    alpha: float

    @classmethod
    def of(
        cls,
        study: Study,
        income: str,
        line: float | str,
        multiple: float,
        costs: Sequence[str],
        needs: Sequence[str],
        alpha: float,
    ) -> _Game:
        """The columns checked; causes that nobody has left out."""
        if not 0 <= alpha < np.inf:
            raise reference.problem("poverty.alpha")
        names = checked([*costs, *needs], reserved=ENDS)
        money = study.column(income)
        lines = line_values(study, money, line, multiple).values
        values = {name: study.column(name) for name in names}
        for name, column in values.items():
            key, wrong = ("causes.negative", column < 0) if name in costs else ("causes.need", column <= 0)
            if wrong.any():
                raise reference.problem(key, column=name, rows=int(wrong.sum()))
        known = np.isfinite(money) & np.isfinite(lines)
        paid = [name for name in costs if (values[name][known] > 0).any()]
        felt = [name for name in needs if (np.nan_to_num(values[name][known], nan=1.0) != 1).any()]
        return cls(
            names,
            paid,
            felt,
            _filled([values[name] for name in paid], 0.0, len(money)),
            _filled([values[name] for name in felt], 1.0, len(money)),
            np.isfinite(np.column_stack(list(values.values()))) & known[:, None],
            np.where(known, money, np.nan),
            np.where(known, lines, np.nan),
            alpha,
        )

    @property
    def live(self) -> list[str]:
        """The causes that anybody has, in the order of the bits of a set."""
        return [*self.costs, *self.needs]

    @property
    def rising(self) -> bool:
        """Whether no cause makes anybody better off."""
        return bool((self.ratios >= 1).all())

    def table(self, weights: Floats, columns: Sequence[Any], wanted: Sequence[Any]) -> Floats:
        """Sample rows × ``wanted``: sums of the hardship without each set of causes.

        weights: sets × ``columns``. Missing where income or line is, and for what is not among ``columns``.
        """
        out = np.full((len(self.income), len(wanted)), np.nan)
        place = np.array([wanted.index(name) for name in columns], dtype=np.int64)
        top = poverty_gaps(self.income, self.line, self.alpha)
        free = self.income + self.amounts.sum(axis=1), self.line / self.ratios.prod(axis=1)
        same = (top == poverty_gaps(*free, self.alpha)) & (self.ratios >= 1).all(axis=1)
        out[np.ix_(same, place)] = np.outer(top[same], weights.sum(axis=0))
        unsettled = np.flatnonzero(~same & np.isfinite(top))
        step = max(1, CELLS >> len(self.live))
        for start in range(0, len(unsettled), step):
            rows = unsettled[start : start + step]
            out[np.ix_(rows, place)] = self._hardship(rows) @ weights
        return out

    def _hardship(self, rows: NDArray[np.int64]) -> Floats:
        """Hardship of these households without each set of causes: rows × sets."""
        incomes, lines = self.income[rows, None], self.line[rows, None]
        for amount in self.amounts[rows].T:
            incomes = np.concatenate([incomes, incomes + amount[:, None]], axis=1)
        for ratio in self.ratios[rows].T:
            lines = np.concatenate([lines, lines / ratio[:, None]], axis=1)
        return poverty_gaps(incomes[:, None, :], lines[:, :, None], self.alpha).reshape(len(rows), -1)


def _sum(every: int, *, plus: int, minus: int | None = None) -> Floats:
    """Weights of the sets of causes taken away (0 … every): hardship without ``plus`` less that without ``minus``."""
    weights = np.zeros(every + 1)
    weights[plus] += 1
    if minus is not None:
        weights[minus] -= 1
    return weights


def _filled(columns: list[Floats], missing: float, rows: int) -> Floats:
    return np.nan_to_num(np.column_stack(columns), nan=missing) if columns else np.full((rows, 0), missing)


def _estimates(
    study: Study, game: _Game, table: Floats, keys: pd.DataFrame, measure: str, method: str, whole: Floats | None
) -> Estimates:
    """Means of the columns of ``table`` by domain, or as fractions of the mean of ``whole``."""
    parts = len(keys)
    members = study.domains.members.where(np.isfinite(game.income))
    split = members.split(parts)
    each = np.nan_to_num(table)[members.unit]
    each[np.abs(each) < DUST] = 0.0
    below = None if whole is None else np.repeat(whole[members.unit], parts)
    found = study.mean(split, each.ravel(), below)
    found.estimate[np.tile(np.isnan(table).all(axis=0), members.rows)] = np.nan
    causes = keys["component"].map({name: place for place, name in enumerate(game.names)})
    answered = np.column_stack(
        [game.answered[:, int(c)] if np.isfinite(c) else np.isfinite(game.income) for c in causes]
    )
    return study.estimates(
        found,
        measure=measure,
        unit="share",
        method=method,
        keys=keys,
        interval=odds if game.rising else wald,
        n=split.sum(answered[members.unit].ravel()),
        count=split.sum(each.ravel() != 0),
    )


def _present(found: Estimates, margins: Margins) -> Margins:
    """The same sums without the rows that are empty, which add nothing."""
    there = found.rows["estimate"].notna().to_numpy()
    return tuple((total, tuple(part for part in parts if there[part])) for total, parts in margins)
