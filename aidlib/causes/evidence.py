"""Whether the record bears out a cause that was written down: no schooling without a student, no widowhood alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from aidlib import reference
from aidlib.causes.said import main_cause, named
from aidlib.estimate import Design, Estimates, Study
from aidlib.estimate.domains import Members, texts
from aidlib.estimate.intervals import logit, wald
from aidlib.estimate.sampling import Floats
from aidlib.estimate.study import Found
from aidlib.poverty.parts import beside

By = str | Sequence[str] | None
EVIDENCE = {
    "illness": "has_patient",
    "laid_off": "has_jobless_earner",
    "schooling": "has_student",
    "no_capacity": "has_disabled",
    "widowhood": "has_widowed",
}
STATISTICS = ("unsupported", "agreed", "kappa")


def recorded_evidence(
    sample: pd.DataFrame,
    design: Design | None,
    evidence: Mapping[str, str] = EVIDENCE,
    *,
    main: str = "cause_main",
    secondary: str | None = "cause_secondary",
    text: str | None = None,
    by: By = None,
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """How the causes that households name agree with what their record shows, by ``cause`` and ``statistic``.

    evidence: for each cause the column of 0 and 1 that bears it out. unsupported: of those who name the cause, the
    share without it on record (n: who name it); agreed: the share of all for whom name and record say the same; kappa =
    (agreed - by chance) / (1 - by chance), missing where nobody, or everybody, names the cause or has the evidence. Of
    households with a recorded main cause and known evidence. Low agreement is no fault by itself: a household may have
    a patient and yet another main cause; an unsupported cause is one to look at. Errors linearised. Source of kappa:
    Cohen (1960), Educ. Psychol. Meas. 20(1), 37-46. Raises Problem for no evidence, and for a column of other numbers.

    >>> sample = pd.DataFrame({"cause_main": ["schooling"] * 3 + ["other"], "has_student": [1, 1, 0, 0]})
    >>> found = recorded_evidence(sample, None, {"schooling": "has_student"}, secondary=None).rows
    >>> found[["statistic", "estimate"]].round(3).values.tolist()
    [['unsupported', 0.333], ['agreed', 0.75], ['kappa', 0.5]]
    """
    if not evidence:
        raise reference.problem("causes.no_evidence")
    told = sample.assign(**{main: main_cause(sample, main, text)})
    columns = [main] if secondary is None else [main, secondary]
    marks = named(told, list(evidence), *columns).astype(np.float64)
    study = Study.of(told, design, by=by, df=df, base=base)
    asked = told[main].notna().to_numpy()
    parts, counts, sizes = [], [], []
    for mark, column in zip(marks.T, evidence.values(), strict=True):
        shown = study.flag(column)
        members = study.domains.members.where(asked & np.isfinite(shown))
        pair = _Pair(study, members, mark[members.unit], shown[members.unit])
        parts += [pair.unsupported(), pair.agreed(), pair.kappa()]
        counts += pair.counts()
        sizes += [members.sum(pair.said), members.sum(), members.sum()]
    keys = {"cause": np.repeat(list(evidence), 3).tolist(), "statistic": [*STATISTICS] * len(evidence)}
    return study.estimates(
        beside(parts),
        measure="cause_evidence",
        unit="number",
        method="causes_evidence",
        keys=pd.DataFrame({name: texts(values) for name, values in keys.items()}),
        n=np.stack(sizes, axis=1).ravel(),
        count=np.stack(counts, axis=1).ravel(),
        interval=_own_scale,
    )


def _own_scale(estimate: Floats, se: Floats, df: Floats, n: Floats, psus: Floats) -> Floats:
    """Shares on the log odds, kappa, the last of each three, plain."""
    plain = np.arange(len(estimate)) % len(STATISTICS) == STATISTICS.index("kappa")
    share = np.where(plain, np.nan, estimate)
    return np.where(plain, wald(estimate, se, df, n, psus), logit(share, se, df, n, psus))


@dataclass(frozen=True, eq=False)
class _Pair:
    """Two flags, one value per pair of members: a cause that was named, and what the record shows."""

    study: Study
    members: Members
    said: Floats
    shown: Floats

    def unsupported(self) -> Found:
        """Of those who name the cause."""
        return self.study.mean(self.members, self.said * (1 - self.shown), self.said)

    def agreed(self) -> Found:
        """Share for whom both are the same."""
        return self.study.mean(self.members, (self.said == self.shown).astype(np.float64))

    def kappa(self) -> Found:
        """From the shares of agreement and of each flag, by the delta method."""
        weight = self.members.at(self.study.sampling.weight)
        total = self.members.sum(weight)
        share = np.divide(weight, total[self.members.row], out=np.zeros_like(weight), where=weight > 0)
        flags = [(self.said == self.shown).astype(np.float64), self.said, self.shown]
        agreed, one, other = (self.members.sum(share * flag) for flag in flags)
        chance = one * other + (1 - one) * (1 - other)
        varied = (one > 0) & (one < 1 - 1e-12) & (other > 0) & (other < 1 - 1e-12)
        left = np.where(varied, 1 - chance, np.nan)
        by_chance = -(1 - agreed) / left**2
        slopes = [1 / left, by_chance * (2 * other - 1), by_chance * (2 * one - 1)]
        scores = np.zeros_like(share)
        for slope, flag, middle in zip(slopes, flags, (agreed, one, other), strict=True):
            scores += np.nan_to_num(slope)[self.members.row] * share * (flag - middle[self.members.row])
        return Found(self.members, (agreed - chance) / left, self.study.influence(self.members, scores))

    def counts(self) -> list[Floats]:
        """Who carries each statistic."""
        both = self.members.sum((self.said == self.shown).astype(np.float64))
        return [self.members.sum(self.said * (1 - self.shown)), both, both]
