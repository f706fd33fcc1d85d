"""Which numbers must not be shown as they are: small cells, small remainders, unanimous shares, dominated totals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aidlib import reference

LEAST = 10  # no published edition may use a lower threshold
BASE, NUMERATORS = 5, 2  # no published edition may tell more digits
SHOWN = ("", "care", "empty")
NOT_PEOPLE = ("rows",)  # rows of files: neither persons nor households
EXTREME = 0.01  # quantiles from here outwards are nearly the smallest or largest value itself


@dataclass(frozen=True)
class Rule:
    """What the gate withholds.

    threshold: fewest units behind a number, and on either side of a share. dominance1, dominance2: largest share of a
    total that the largest unit, and the two largest, may hold. unanimous: fewest units of whom a share of exactly 0
    is told. width: a withheld total must stay unknown within this fraction of itself, up and down. base: the n of a
    survey is told as a multiple of it. numerators: fewest counts that a published share of units may stand for.
    Raises Problem for a threshold below 10 or a fraction outside (0, 1].
    """

    threshold: int = LEAST
    dominance1: float = 0.5
    dominance2: float = 0.7
    unanimous: int = 100
    width: float = 0.1
    base: int = 5
    numerators: int = 2

    def __post_init__(self) -> None:
        if self.threshold < LEAST or self.unanimous < self.threshold:
            raise reference.problem("release.threshold", threshold=self.threshold, least=LEAST)
        if self.base < BASE or self.numerators < NUMERATORS:
            raise reference.problem("release.rounding", base=BASE, numerators=NUMERATORS)
        if not all(0 < value <= 1 for value in (self.dominance1, self.dominance2, self.width)):
            raise reference.problem("release.fraction")


def reasons(cells: pd.DataFrame, margins: pd.DataFrame, rule: Rule) -> NDArray[np.object_]:
    """Why each row may not be shown for its own sake: "suppressed", "dominance", an earlier flag, or "".

    No unit at all is told, except as part of a total that is itself withheld for its smallness.
    """
    n, count = cells["n"].to_numpy(), cells["count"].to_numpy()
    share = cells["kind_of_sum"].eq("count").to_numpy()
    few = small(n, rule) | np.isnan(n) | small(count, rule) | (share & small(n - count, rule))
    few |= class_disclosure(cells, rule) | _extreme(cells) | _few_behind_effect(cells, rule)
    dominated = cells["top1"].gt(rule.dominance1) | cells["top2"].gt(rule.dominance2)
    found = np.where(dominated & (count != 0), "dominance", "").astype(object)
    found[few] = "suppressed"
    found[(n == 0) | cells["unit"].isin(NOT_PEOPLE).to_numpy()] = ""
    found[(n == 0) & in_small_total(found == "suppressed", margins)] = "suppressed"
    found[(n == 0) & cells["among"].lt(rule.unanimous).to_numpy()] = "suppressed"  # none of the few is poor
    flag = cells["flag"].to_numpy(dtype=object)
    return np.where(np.isin(flag, SHOWN), found, np.where(found == "", flag, found))


def small(values: NDArray[np.float64], rule: Rule) -> NDArray[np.bool_]:
    """1 … threshold-1; missing is not small."""
    with np.errstate(invalid="ignore"):
        return np.asarray((values >= 1) & (values < rule.threshold))


def in_small_total(few: NDArray[np.bool_], margins: pd.DataFrame) -> NDArray[np.bool_]:
    """Rows of which a total in their own table is one of ``few``."""
    row, part = margins["row"].to_numpy(), margins["sign"].to_numpy() > 0
    relation = margins["relation"].to_numpy()
    small_totals = relation[~part & few[row]]
    return np.isin(np.arange(len(few)), row[part & np.isin(relation, small_totals)])


def class_disclosure(cells: pd.DataFrame, rule: Rule) -> NDArray[np.bool_]:
    """Shares of exactly 1, and of exactly 0 of a small group, which tell something about every one of its members.

    A category without members is told as long as no other category of the same group holds all.
    """
    n, count = cells["n"].to_numpy(), cells["count"].to_numpy()
    inside = cells["kind_of_sum"].eq("count").to_numpy() & (n > 0)
    everyone, nobody = inside & (count == n), inside & (count == 0)
    group = cells["composition"].to_numpy()
    held = np.isin(group, group[everyone & (group >= 0)])
    amount = ~cells["kind_of_sum"].eq("count").to_numpy() & cells["kind"].eq("level").to_numpy() & (n > 0)
    nothing = amount & (count == 0) & (n < rule.unanimous)  # a gap of 0 says that nobody is poor
    return np.asarray(everyone | nothing | (nobody & (held | ((group < 0) & (n < rule.unanimous)))))


def _few_behind_effect(cells: pd.DataFrame, rule: Rule) -> NDArray[np.bool_]:
    """Coefficients of a dummy that fewer than the threshold have, or lack: they give the few's own values away."""
    n, count = cells["n"].to_numpy(), cells["count"].to_numpy()
    with np.errstate(invalid="ignore"):
        few = (count < rule.threshold) | (n - count < rule.threshold)
    return np.asarray(cells["kind"].eq("effect").to_numpy() & few)


def _extreme(cells: pd.DataFrame) -> NDArray[np.bool_]:
    q = pd.to_numeric(cells["q"], errors="coerce").to_numpy()
    return np.asarray((q <= EXTREME) | (q >= 1 - EXTREME))
