"""Non-response and panel attrition: who answers stands for those like them who do not.

Within a weighting class answering counts as chance, so that each answer weighs 1 / (weighted share that answered) times
as much; a class with too few answers takes the share of the coarser class that it lies in. In a panel the loss of each
wave is repaired in turn, in classes known before it, and the factors multiply. Sources: Kalton & Flores-Cervantes
(2003), J. Off. Stat. 19(2), 81-97; Little & Vartivarian (2005), Surv. Methodol. 31(2), 161-168; for panel weights
Eurostat, EU-SILC methodological guidelines (longitudinal weighting).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from aidlib import reference
from aidlib.estimate.design import Design
from aidlib.estimate.sampling import Floats, resolve
from aidlib.estimate.weighting import Weighted

PANELS = ("cross_sectional", "longitudinal")


def adjust_nonresponse(
    sample: pd.DataFrame,
    design: Design,
    answered: str,
    classes: Sequence[str],
    *,
    minimum: int = 20,
    name: str = "weight_response",
) -> Weighted:
    """Weights times 1 / (weighted share that answered in the class), 0 for those who did not.

    answered: column of 0 and 1. classes: columns known of everyone, the most important first: where a class has fewer
    than ``minimum`` answers, all classes of the coarser one (without the last column) are taken together. The
    weights' sum stays in every class. Raises Problem where nobody answered.
    """
    weight = resolve(sample, replace(design, lonely_psu="certainty", replicates=None, calibration=())).weight
    _present(sample, classes)
    came = _flag(sample, answered)
    rate = response_rate(sample, weight, came, classes, minimum)
    return Weighted(sample.assign(**{name: np.where(came, weight / rate, 0.0)}), replace(design, weight=name))


def panel_weights(
    panel: pd.DataFrame,
    design: Design,
    *,
    unit: str,
    time: str,
    answered: str,
    classes: Sequence[str],
    earlier: Sequence[str] = (),
    keep: Sequence[str] = (),
    kind: str = "cross_sectional",
    minimum: int = 20,
    name: str = "weight_panel",
) -> Weighted:
    """Weights of a panel with the loss between waves repaired; 0 where a unit did not answer.

    panel: a row for each unit and wave that was to be interviewed. classes: columns known of everyone in the wave;
    earlier: columns taken from the unit's last interview. A unit that comes back after a missed wave goes on with the
    factor of its last interview; units of a first visit (the first wave, later renewals) have factor 1.
    kind: "longitudinal": the weight of a unit's first interview times the factors (the population then);
    "cross_sectional": the wave's own weight times the factors, brought back to what the wave's own weights of those
    who answered add up to in each class of ``keep`` (the population now; renewals enter as they are).
    """
    if kind not in PANELS:
        raise reference.problem("estimate.option", option="kind", allowed=", ".join(PANELS))
    own = resolve(panel, replace(design, lonely_psu="certainty", replicates=None, calibration=())).weight
    _present(panel, [unit, time, *classes, *earlier, *keep])
    came = _flag(panel, answered)
    frame = panel[[unit, time, *dict.fromkeys([*classes, *earlier, *keep])]].assign(own=own, came=came)
    frame = frame.assign(at=np.arange(len(frame))).sort_values([unit, time], kind="stable")
    interview = frame["at"].where(frame["came"])
    last = interview.groupby(frame[unit]).ffill().groupby(frame[unit]).shift()  # the interview before, NaN: none
    first = interview.groupby(frame[unit]).transform("first")
    frame = frame.assign(last=last, first=first).sort_values("at").reset_index(drop=True)
    factor = _factors(frame, time, classes, earlier, minimum)
    base = own if kind == "cross_sectional" else np.where(came, own[frame["first"].fillna(0).astype(int)], 0.0)
    weight = np.where(came, base * factor, 0.0)
    if kind == "cross_sectional":
        weight = _brought_back(frame, [time, *keep], weight)
    return Weighted(panel.assign(**{name: weight}), replace(design, weight=name))


def response_rate(
    sample: pd.DataFrame, weight: Floats, came: np.ndarray, classes: Sequence[str], minimum: int
) -> Floats:
    """Weighted share that answered in each row's class, coarser classes where one has too few answers."""
    if not (weight * came).any():
        raise reference.problem("estimate.no_answer", rows=len(sample))
    coarse = np.zeros(len(sample), dtype=np.int64)
    taken = coarse
    for column in classes:
        pairs = pd.DataFrame({"coarse": taken, "value": sample[column].astype("str").fillna("")})
        fine = pairs.groupby(["coarse", "value"]).ngroup().to_numpy()
        few = np.bincount(fine, weights=came) < minimum
        together = np.bincount(taken, weights=few[fine], minlength=taken.max() + 1) > 0
        merged = np.where(together[taken], fine.max() + 1 + taken, fine)
        taken = np.unique(merged, return_inverse=True)[1]
    answered = np.bincount(taken, weights=weight * came)
    everyone = np.bincount(taken, weights=weight)
    # a class whose answers weigh nothing has nothing to pass on
    return np.divide(answered, everyone, out=np.ones_like(everyone), where=answered > 0)[taken]


def _factors(frame: pd.DataFrame, time: str, classes: Sequence[str], earlier: Sequence[str], minimum: int) -> Floats:
    """Each row's product of 1 / response rate over the waves since its unit's first visit."""
    factor = np.ones(len(frame))
    own, came = frame["own"].to_numpy(), frame["came"].to_numpy()
    before = {f"earlier {c}": frame[c].reindex(frame["last"]).set_axis(frame.index) for c in earlier}
    known = frame[list(classes)].assign(**before)
    last = frame["last"].to_numpy()
    for wave in np.sort(frame[time].unique()):
        rows = np.flatnonzero(frame[time].to_numpy() == wave)
        rows = rows[~np.isnan(last[rows])]
        if len(rows):
            past = factor[last[rows].astype(int)]
            weight = own[rows] * past
            factor[rows] = past / response_rate(known.iloc[rows], weight, came[rows], known.columns.tolist(), minimum)
    return factor


def _brought_back(frame: pd.DataFrame, keep: list[str], weight: Floats) -> Floats:
    """Weights times one factor a class, so that they add up to what the waves' own weights of the answers do."""
    group = frame.groupby(keep, dropna=False).ngroup().to_numpy()
    wanted = np.bincount(group, weights=(frame["own"] * frame["came"]).to_numpy())
    found = np.bincount(group, weights=weight)
    return weight * np.divide(wanted, found, out=np.zeros(len(found)), where=found > 0)[group]


def _present(sample: pd.DataFrame, columns: Sequence[str]) -> None:
    for column in columns:
        if column not in sample:
            raise reference.problem("estimate.no_column", column=column)


def _flag(sample: pd.DataFrame, column: str) -> np.ndarray:
    if column not in sample:
        raise reference.problem("estimate.no_column", column=column)
    if sample[column].isna().any():
        raise reference.problem("estimate.missing_design", column=column, rows=int(sample[column].isna().sum()))
    other = ~sample[column].isin([0, 1])
    if other.any():
        raise reference.problem("estimate.not_binary", column=column, rows=int(other.sum()))
    return sample[column].to_numpy(bool)
