"""Replicate weights made from a design: jackknife, bootstrap, balanced half-samples.

Each replicate leaves out or repeats first-stage clusters of the sample; the spread of a statistic over the replicates
is its variance. A calibrated design is calibrated again in each replicate, so that the gain of the calibration shows.
Sources: Wolter (2007), Introduction to Variance Estimation, 2nd ed., chapters 3-5; Rao & Wu (1988), J. Am. Stat.
Assoc. 83(401), 231-241 (rescaled bootstrap); Judkins (1990), J. Off. Stat. 6(3), 223-239 (Fay's method).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from hashlib import blake2b

import numpy as np
import pandas as pd

from aidlib import reference
from aidlib.estimate.auxiliary import check_whole, with_weights
from aidlib.estimate.design import KINDS, Design, Replicates
from aidlib.estimate.sampling import Floats, Sampling, resolve
from aidlib.estimate.weighting import Weighted, calibrated_like


def make_replicates(
    sample: pd.DataFrame,
    design: Design,
    *,
    kind: str = "jkn",
    replicates: int = 200,
    rho: float = 0.5,
    seed: str = "replicates",
    mse: bool = True,
    prefix: str = "replicate",
) -> Weighted:
    """The sample with columns ``<prefix>_1`` … of replicate weights, and the design that uses them.

    kind: "jk1" (each cluster left out once, no strata), "jkn" (the same within strata, variance factors
    (m - 1) / m (1 - f)), "bootstrap" (``replicates`` times m - 1 of a stratum's m clusters drawn with replacement and
    rescaled by m / (m - 1); the draws follow from ``seed``, a name), "brr" and "fay" (two clusters in each stratum,
    balanced by a Hadamard matrix; Fay's weights keep ``rho`` of the half left out). Sampling fractions of the first
    stage enter jk1 and jkn, the others need a design without fpc. mse: see ``Replicates``.
    Raises Problem for a stratum with one cluster, for brr and fay where a stratum has not two, and for an fpc that a
    kind cannot carry.
    """
    if kind not in KINDS:
        raise reference.problem("estimate.option", option="kind", allowed=", ".join(KINDS))
    if design.fpc is not None and kind not in ("jk1", "jkn"):
        raise reference.problem("estimate.replicate_fpc", kind=kind)
    if kind == "jk1" and design.strata is not None:
        raise reference.problem("estimate.jk1_strata")
    check_whole(sample, design.calibration, design.weight)
    sampling = resolve(sample, replace(design, calibration=(), replicates=None, lonely_psu="fail"))
    factors, scales = _FACTORS[kind](sampling, replicates, rho, seed)
    start = sampling.weight if not design.calibration else sample[design.calibration[0].prior].to_numpy(float)
    weights = factors[sampling.psu] * start[:, None]
    names = [f"{prefix}_{i + 1}" for i in range(weights.shape[1])]
    if design.calibration:
        weights = np.column_stack([_calibrated(sample, design, w) for w in weights.T])
    columns = pd.DataFrame(weights, columns=names, index=sample.index)
    scale = None if scales is None else 1.0
    negative = any(step.method == "linear" for step in design.calibration)
    rho_given = rho if kind == "fay" else None
    given = Replicates(names, kind=kind, scale=scale, scales=scales, rho=rho_given, mse=mse, negative=negative)
    made = replace(design, strata=None, psu=None, fpc=None, calibration=(), replicates=given, nested=False)
    return Weighted(pd.concat([sample, columns], axis=1), made)


Made = tuple[Floats, tuple[float, ...] | None]  # factors: clusters × replicates; scales of the replicates


def _jackknife(sampling: Sampling, replicates: int, rho: float, seed: str) -> Made:
    stage = sampling.stages[0]
    sizes = stage.sizes[stage.stratum]
    same = stage.stratum[:, None] == stage.stratum
    factors = np.where(same, (sizes / np.maximum(sizes - 1, 1))[:, None], 1.0)
    np.fill_diagonal(factors, 0.0)
    return factors, tuple(stage.scale[stage.stratum] * ((sizes - 1) / sizes) ** 2)


def _bootstrap(sampling: Sampling, replicates: int, rho: float, seed: str) -> Made:
    stage = sampling.stages[0]
    factors = np.zeros((len(stage.stratum), replicates))
    rng = np.random.default_rng(int.from_bytes(blake2b(seed.encode(), digest_size=8).digest(), "big"))
    for h, size in enumerate(stage.sizes.astype(int)):
        draws = rng.multinomial(size - 1, np.full(size, 1 / size), replicates)
        factors[stage.stratum == h] = draws.T * size / (size - 1)
    return factors, None


def _half_samples(sampling: Sampling, replicates: int, rho: float, seed: str) -> Made:
    from scipy.linalg import hadamard

    stage = sampling.stages[0]
    if (stage.sizes != 2).any():
        raise reference.problem("estimate.half_samples", strata=int((stage.sizes != 2).sum()))
    order = 1 << int(np.ceil(np.log2(len(stage.sizes) + 1)))
    signs = hadamard(order)[:, 1 : len(stage.sizes) + 1].T[stage.stratum]
    signs[1::2] *= -1  # clusters of a stratum follow one another: the second one has the other sign
    return 1 + (1 - rho) * signs.astype(np.float64), None


_FACTORS: dict[str, Callable[[Sampling, int, float, str], Made]] = {
    "jk1": _jackknife,
    "jkn": _jackknife,
    "bootstrap": _bootstrap,
    "brr": lambda sampling, replicates, rho, seed: _half_samples(sampling, replicates, 0.0, seed),
    "fay": _half_samples,
}


def _calibrated(sample: pd.DataFrame, design: Design, weight: Floats) -> Floats:
    """One replicate's weights after all calibrations of the design."""
    for step, name in with_weights(design.calibration, design.weight):
        weight = calibrated_like(sample, step, sample[name].to_numpy(float), weight)
    return weight
