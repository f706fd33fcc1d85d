"""Whether a risk model gives away who was in its training data: membership attacks on its predicted probabilities."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.special import logit as log_odds

from aidlib.estimate import Design, Estimates, stack
from aidlib.estimate.sampling import Floats, Ints, codes, finite
from aidlib.relapse.accuracy import auc
from aidlib.relapse.calibration import EDGE
from aidlib.relapse.risk_model import RiskModel

LIMIT = 0.60  # AUC of an attack above which a model is not saved
SHADOWS = 16
SPREAD = 1e-6  # least standard deviation of the shadows' predictions, on the log odds


def membership(
    exits: pd.DataFrame,
    design: Design | None,
    model: RiskModel,
    *,
    unit: str = "household_id",
    seed: str = "membership",
    base: str = "X",
) -> Estimates:
    """AUC with which two attacks tell the households that a model learnt from among others like them; key ``attack``.

    The model learns from a random half of the households and predicts all; 0.5 gives nothing away. loss_threshold:
    whose prediction fits better is taken for a member (Yeom et al. 2018, IEEE CSF, 268-282). likelihood_ratio: the
    attacker also knows everyone's predictors and outcomes and trains 16 shadow models on other halves; a unit counts as
    a member by how much likelier its prediction is among the shadows that learnt from it than among those that did not
    (Carlini et al. 2022, IEEE S&P, 1897-1914; one variance for all units, as they advise for so few shadows). Clusters
    are households. Learning from half of the data is the harder case: the model that is kept learns from all. Raises
    Problem where a half holds fewer than 50 returns.
    """
    y = finite(exits, model.outcome)
    known = exits[np.isfinite(y)].reset_index(drop=True)
    y, household = y[np.isfinite(y)], codes(known[unit])
    halves = _halves(household, SHADOWS + 1, seed)
    confidence = np.stack([_confidence(model, known, design, half, y, unit) for half in halves])
    member, target = halves[0].astype(np.float64), confidence[0]
    scores = {"loss_threshold": target, "likelihood_ratio": _likelihood_ratio(target, confidence[1:], halves[1:])}
    found = {name: _area(known[unit], member, score, base) for name, score in scores.items()}
    return replace(stack(found, key="attack"), method="relapse_membership")


def _halves(household: Ints, count: int, seed: str) -> list[np.ndarray]:
    """For each model the rows of a random half of the households."""
    size = int(household.max(initial=-1)) + 1
    rng = np.random.default_rng(int.from_bytes(hashlib.blake2b(seed.encode(), digest_size=8).digest(), "little"))
    return [(rng.permutation(size) < size // 2)[household] for _ in range(count)]


def _confidence(
    model: RiskModel, exits: pd.DataFrame, design: Design | None, half: np.ndarray, y: Floats, unit: str
) -> Floats:
    """Log odds that a model of ``half`` gives to the outcome that came true; its order is that of minus the loss."""
    risk = model.fit(exits[half], design, unit=unit).predict(exits)
    return np.where(y == 1, 1, -1) * np.asarray(log_odds(np.clip(risk, EDGE, 1 - EDGE)))


def _likelihood_ratio(target: Floats, shadows: Floats, halves: list[np.ndarray]) -> Floats:
    """Log likelihood of the confidence among the shadows that learnt from a row, less that among the others."""
    inside = np.stack(halves)
    logs = []
    for chosen in (inside, ~inside):
        size = np.maximum(chosen.sum(axis=0), 1)
        mean = (shadows * chosen).sum(axis=0) / size
        spread = max(float(np.sqrt((chosen * (shadows - mean) ** 2).sum() / chosen.sum())), SPREAD)
        logs.append(-0.5 * ((target - mean) / spread) ** 2 - np.log(spread))
    return np.asarray(logs[0] - logs[1])


def _area(household: pd.Series, member: Floats, score: Floats, base: str) -> Estimates:
    table = pd.DataFrame({"household": household, "member": member, "attack_score": score})
    return auc(table, Design(psu="household"), "member", "attack_score", base=base)
