"""What a list of visits would find: precision and recall of the highest risks up to the capacity of visits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from aidlib import reference
from aidlib.estimate import Design, Estimates, Study
from aidlib.estimate.domains import Members
from aidlib.estimate.intervals import logit
from aidlib.estimate.sampling import Floats, Ints
from aidlib.estimate.study import Found
from aidlib.relapse.accuracy import By, group_codes, weight_below

WINDOW = 0.05  # share of the ranking on each side of the last visit that tells what one visit more would find


def precision(
    sample: pd.DataFrame,
    design: Design | None,
    outcome: str,
    risk: str,
    *,
    capacity: float,
    by: By = None,
    within: str | None = None,
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Share that returned among those whom the visits reach: the highest risks up to the capacity of visits.

    capacity: up to 1 the share of households that can be visited, above 1 the number of visits, for each value of
    ``within`` (a year of exits). Households count with their weights; where the last visits fall among equal risks,
    each of these gets the same part. One list serves all domains of ``by``. The error counts that the cut-off is
    estimated too: a visit more finds what the 5 % of the ranking on both sides of the last one show. ``n``: units
    reached; ``count``: of them returned. Raises Problem for a capacity of 0 or less.

    >>> import pandas as pd
    >>> sample = pd.DataFrame({"returned": [0.0, 0, 1, 1], "risk": [0.1, 0.4, 0.35, 0.8]})
    >>> precision(sample, None, "returned", "risk", capacity=0.5).rows["estimate"].item()
    0.5
    """
    study = Study.of(sample, design, by=by, df=df, base=base)
    visits = _Visits.of(study, outcome, risk, capacity, within)
    event, part = visits.event, visits.part
    found = visits.ratio(part * event, part, (event, np.ones_like(event)))
    members = found.members
    return study.estimates(
        found,
        measure="precision",
        unit="share",
        method="relapse_precision",
        interval=logit,
        n=members.sum(members.at(part > 0)),
        count=members.sum(members.at(event * (part > 0))),
    )


def recall(
    sample: pd.DataFrame,
    design: Design | None,
    outcome: str,
    risk: str,
    *,
    capacity: float,
    by: By = None,
    within: str | None = None,
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Share of those who returned whom the visits would have reached; options and error as in ``precision``.

    ``n``: units that returned; ``count``: of them reached. 1 - recall is the false-negative rate.
    """
    study = Study.of(sample, design, by=by, df=df, base=base)
    visits = _Visits.of(study, outcome, risk, capacity, within)
    event, part = visits.event, visits.part
    found = visits.ratio(part * event, event, (event, np.zeros_like(event)))
    members = found.members
    return study.estimates(
        found,
        measure="recall",
        unit="share",
        method="relapse_precision",
        interval=logit,
        n=members.sum(members.at(event)),
        count=members.sum(members.at(event * (part > 0))),
    )


@dataclass(frozen=True, eq=False)
class _Visits:
    """Whom the visits reach, one value per sample row; rows without outcome or risk have event and part 0.

    part: how much of the unit's visit is made, 0 to 1; pull: by how many visits one unit more of its kind moves the
    cut-off of its block; last: share of the visits around the cut-off of its block that are the unit's.
    """

    study: Study
    known: NDArray[np.bool_]
    event: Floats
    part: Floats
    block: Ints
    pull: Floats
    last: Floats

    @classmethod
    def of(cls, study: Study, outcome: str, risk: str, capacity: float, within: str | None) -> _Visits:
        """The visits made in order of risk in each block."""
        if not 0 < capacity < np.inf:
            raise reference.problem("relapse.visit_capacity", capacity=f"{capacity:g}")
        y, score, block = study.flag(outcome), study.column(risk), group_codes(study.sample, within)
        known = np.isfinite(y) & np.isfinite(score) & (block >= 0)
        at, size = np.flatnonzero(known), int(block.max(initial=0)) + 1
        weight = study.sampling.weight[at]
        total = np.bincount(block[at], weights=weight, minlength=size)[block[at]]
        visits = np.minimum(capacity * total if capacity <= 1 else capacity, total)
        place = weight_below(block[at], -score[at], weight)
        around = weight * (_inside(place, visits + WINDOW * total) - _inside(place, visits - WINDOW * total))
        part, pull, last = (np.zeros(len(y)) for _ in range(3))
        part[at] = _inside(place, visits)
        pull[at] = part[at] - (capacity if capacity <= 1 else 0.0)
        sums = np.bincount(block[at], weights=around, minlength=size)[block[at]]
        last[at] = np.divide(around, sums, out=np.zeros_like(around), where=sums > 0)
        return cls(study, known, np.where(known, y, 0.0), part, block, pull, last)

    def ratio(self, above: Floats, below: Floats, margin: tuple[Floats, Floats]) -> Found:
        """sum(w above) / sum(w below) by row; margin: what a visit more to a unit adds to both."""
        study, members = self.study, self.study.domains.members.where(self.known)
        found = study.mean(members, members.at(above), members.at(below))
        estimate = np.nan_to_num(found.estimate)
        blocks = int(self.block.max(initial=0)) + 1
        gain = members.at(margin[0]) - estimate[members.row] * members.at(margin[1])
        cell = members.at(self.block) * members.rows + members.row
        moved = np.bincount(cell, weights=members.at(self.last) * gain, minlength=blocks * members.rows)
        units = np.flatnonzero(self.known)
        every = Members(units, np.zeros_like(units), 1).split(members.rows)
        whole = members.sum(members.at(study.sampling.weight * below))
        slope = np.divide(1.0, whole, out=np.zeros_like(whole), where=whole > 0)
        scores = -(study.sampling.weight * self.pull)[every.unit]
        scores *= moved[self.block[every.unit] * members.rows + every.row] * slope[every.row]
        both = found.influence.beside([study.influence(every, scores)])
        one = sparse.eye_array(members.rows)
        return Found(members, found.estimate, both.mixed(sparse.vstack([one, one])))


def _inside(place: tuple[Floats, Floats], visits: Floats) -> Floats:
    """Which part of each unit lies among the first ``visits``; place: weight before it, and of its equals."""
    before, equal = place
    return np.clip(np.divide(visits - before, equal, out=np.zeros_like(equal), where=equal > 0), 0, 1)
