"""Parts of one number side by side: several statistics of each domain, and shares of a total."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from aidlib.estimate import Study
from aidlib.estimate.domains import Members
from aidlib.estimate.sampling import Floats
from aidlib.estimate.study import Found


def beside(parts: Sequence[Found]) -> Found:
    """Statistics of the same domains as one: row = domain row × number of parts + part."""
    rows, size = parts[0].members.rows, len(parts)
    members = Members(
        np.concatenate([part.members.unit for part in parts]),
        np.concatenate([part.members.row * size + k for k, part in enumerate(parts)]),
        rows * size,
    )
    estimate = np.stack([part.estimate for part in parts], axis=1).ravel()
    order = (np.arange(size) * rows + np.arange(rows)[:, None]).ravel()
    joint = parts[0].influence.beside([part.influence for part in parts[1:]])
    return Found(members, estimate, joint.picked(order))


def shares_of_total(study: Study, members: Members, values: Floats, whole: np.ndarray | None = None) -> Found:
    """sum(w y) of each row over that of all rows (``whole``: only of these rows): shares that add up to 1.

    values: one per pair of ``members``. The error counts that numerator and denominator move together. A row whose
    weights are all 0 has no share.
    """
    totals = study.total(members, values)
    counted = np.ones(members.rows) if whole is None else whole.astype(np.float64)
    amount = float((counted * totals.estimate).sum())
    if not amount > 0:
        nothing = np.full(members.rows, np.nan)
        return Found(members, nothing, totals.influence.scaled(np.zeros(members.rows)))
    share = totals.estimate / amount
    mix = (sparse.eye_array(members.rows) - sparse.csr_array(np.outer(counted, share))) / amount
    heavy = members.sum(members.at(study.sampling.weight)) > 0
    return Found(members, np.where(heavy, share, np.nan), totals.influence.mixed(mix))
