"""Estimators of curves from weighted risk sets: product limit, sums of hazards, incidences, restricted means.

Each gives the curve at every event time and what its influence values are made of (``linearised``). Sources: Kaplan &
Meier (1958), J. Am. Stat. Assoc. 53(282), 457-481; Aalen (1978), Ann. Stat. 6(4), 701-726; Aalen & Johansen (1978),
Scand. J. Stat. 5(3), 141-150; Andersen & Pohar Perme (2010), Stat. Methods Med. Res. 19(1), 71-99 (restricted mean).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from aidlib.estimate.sampling import Floats
from aidlib.relapse.durations import Durations
from aidlib.relapse.linearised import Curves

ROUNDING = 1e-12  # a smaller share of those at risk left over is nobody: sums of weights are not exact


@dataclass(frozen=True, eq=False)
class Risk:
    """Groups at every event time.

    ending: causes × groups × K, shares of those at risk that end by each cause; hazard: groups × K, by any cause;
    per_member, per_survivor: the inverse of the weight at risk, and of the weight that is left after the event (0
    without events, or where nobody is left); survival: groups × (K + 1), from before the first event on.
    """

    ending: Floats
    hazard: Floats
    per_member: Floats
    per_survivor: Floats
    survival: Floats

    @classmethod
    def of(cls, found: Durations, weight: Floats) -> Risk:
        """weight: one per pair."""
        at_risk, ended = found.at_risk(weight), found.ended(weight)
        happened = ended.sum(axis=0) > 0
        per_member = np.divide(1.0, at_risk, out=np.zeros_like(at_risk), where=happened)
        ending = ended * per_member
        left = 1 - ending.sum(axis=0)
        left[left <= ROUNDING] = 0.0
        per_survivor = np.divide(per_member, left, out=np.zeros_like(left), where=left > 0)
        survival = np.concatenate([np.ones((len(left), 1)), np.cumprod(left, axis=1)], axis=1)
        return cls(ending, 1 - left, per_member, per_survivor, survival)


Estimator = Callable[[Durations, Risk], Curves]


def survival(found: Durations, risk: Risk) -> Curves:
    """Kaplan-Meier: S = product of 1 - dL, whose influence is -S times the sum over 1 / (Y (1 - dL))."""
    drift = cumulated(risk.hazard * risk.per_survivor)
    gain = _gains([risk.per_survivor], drift)
    return Curves(risk.survival[None], gain[None], drift[None], ({0: -risk.survival},))


def hazard(found: Durations, risk: Risk) -> Curves:
    """Nelson-Aalen: the sum of dL, with the sum over 1 / Y as influence."""
    drift = cumulated(risk.hazard * risk.per_member)
    gain = _gains([risk.per_member], drift)
    return Curves(cumulated(risk.hazard)[None], gain[None], drift[None], ({0: np.ones_like(drift)},))


def incidence(found: Durations, risk: Risk) -> Curves:
    """Aalen-Johansen: F_c = sum of S(k-) dL_c.

    A change of dL at k moves F_c(t) by S(k-) for its own cause, less (F_c(t) - F_c(k)) / (1 - dL) as it lowers the
    survival to later times: the sum over S(k-) / Y (own cause) + F_c(k) / (Y (1 - dL)), less F_c(t) times the sum over
    1 / (Y (1 - dL)).
    """
    before = risk.survival[:, :-1]
    reached = cumulated(before * risk.ending)
    causes = len(reached)
    drifts = [cumulated(risk.hazard * risk.per_survivor)]
    found_gains = [_gains([risk.per_survivor] * causes, drifts[0])]
    for cause, (values, ending) in enumerate(zip(reached, risk.ending, strict=True)):
        late = values[:, 1:] * risk.per_survivor
        own = before * risk.per_member
        drifts.append(cumulated(own * ending + late * risk.hazard))
        found_gains.append(_gains([late + own * (other == cause) for other in range(causes)], drifts[-1]))
    slopes = tuple({0: -values, cause + 1: np.ones_like(values)} for cause, values in enumerate(reached))
    return Curves(reached, np.stack(found_gains), np.stack(drifts), slopes)


def restricted_mean(until: float) -> Estimator:
    """The area below the survival curve up to ``until``, the same at every position from that time on."""

    def area(found: Durations, risk: Risk) -> Curves:
        edges = np.concatenate([[0.0], np.minimum(found.time, until), [until]])
        widths = np.diff(edges)
        reached = np.cumsum(risk.survival * widths, axis=1)  # up to the end of each position's step
        rest = (reached[:, -1:] - reached[:, :-1]) * risk.per_survivor  # the area that a death at k lowers
        drift = cumulated(rest * risk.hazard)
        gain = _gains([rest], drift)
        whole = np.repeat(reached[:, -1:], found.shape[1], axis=1)
        return Curves(whole[None], gain[None], drift[None], ({0: -np.ones_like(drift)},))

    return area


def cumulated(values: Floats) -> Floats:
    """Running sums over the event times, starting from 0 before the first."""
    return np.concatenate([np.zeros((*values.shape[:-1], 1)), np.cumsum(values, axis=-1)], axis=-1)


def _gains(own: Sequence[Floats], drift: Floats) -> Floats:
    """What a row adds that leaves at each position: as censored 0, by each cause its ``own``, all less the drift."""
    events = [np.pad(values, ((0, 0), (1, 0))) for values in own]
    return np.stack([np.zeros_like(drift), *events]) - drift
