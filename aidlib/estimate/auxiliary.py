"""Auxiliary variables of a calibration: their table, and what a calibration takes out of the variance.

Calibrated weights reproduce known totals of the auxiliary variables x, so that what x explains of a statistic no
longer varies. The influence values z = w u of a statistic become those of its residuals,

    w (u - x'B),   B = (sum(d x x'))^-1 sum(d x u)       d: weight before, w: weight after the calibration.

Source: Deville & Särndal (1992), J. Am. Stat. Assoc. 87(418), 376-382, with g-weighted residuals as R's survey does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from aidlib import reference
from aidlib.estimate.design import Calibration
from aidlib.estimate.domains import column_codes
from aidlib.estimate.sampling import Floats, finite, numbers

SAME = 1e-9  # relative: what sums of the same weights in another order may differ by
Columns = str | tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Projection:
    """One calibration on a sample of N rows with p auxiliary variables.

    weighted: N × p, w x; coefficients: p × N, (sum(d x x'))^-1 x d / w, so that coefficients @ z is B.
    """

    weighted: Any
    coefficients: Any

    @classmethod
    def of(cls, x: Any, before: Floats, after: Floats) -> Projection:
        """x: the auxiliary variables (sparse N × p)."""
        gram = (x.T @ x.multiply(before[:, None])).toarray()
        kept = np.divide(before, after, out=np.zeros_like(before), where=after > 0)
        inverse = sparse.csr_array(np.linalg.pinv(gram, hermitian=True, rcond=1e-12))
        return cls(
            sparse.csr_array(x.multiply(after[:, None])), inverse @ sparse.csr_array(x.multiply(kept[:, None])).T
        )

    def residual(self, values: Any, mix: Any) -> tuple[Any, Any]:
        """Influence values and mix (None: identity) of the statistics with the auxiliary variables taken out."""
        values = values.tocoo()
        slopes = self.coefficients @ values.tocsr()
        own = sparse.eye_array(values.shape[1]) if mix is None else mix
        return sparse.hstack([values, self.weighted]), sparse.vstack([own, -(slopes @ own)], format="csr")


def table(sample: pd.DataFrame, columns: Columns) -> tuple[Any, list[Any]]:
    """Sparse N × p: a numeric column by its name, or one indicator for each level of a cross of columns; and levels."""
    if isinstance(columns, str):
        values = finite(sample, columns)
        if np.isnan(values).any():
            raise reference.problem("estimate.missing_design", column=columns, rows=int(np.isnan(values).sum()))
        return sparse.csr_array(values[:, None]), [columns]
    codes, levels = _cross(sample, columns)
    rows = np.arange(len(sample))
    return sparse.csr_array((np.ones(len(sample)), (rows, codes)), shape=(len(sample), len(levels))), levels


def projections(sample: pd.DataFrame, steps: tuple[Calibration, ...], weight: str | None) -> tuple[Projection, ...]:
    """The calibrations that a design names, the first one first; Problem for a part of the calibrated sample."""
    check_whole(sample, steps, weight)
    found = []
    for step, name in with_weights(steps, weight):
        x = sparse.hstack([table(sample, columns)[0] for columns in step.columns], format="csr")
        found.append(Projection.of(x, sample[step.prior].to_numpy(float), sample[name].to_numpy(float)))
    return tuple(found)


def with_weights(steps: tuple[Calibration, ...], weight: str | None) -> list[tuple[Calibration, str]]:
    """Each calibration of a design, whose weight is ``weight``, with the column of the weights that it made."""
    columns = [*(step.prior for step in steps[1:]), str(weight)]
    return list(zip(steps, columns, strict=False))


def check_whole(sample: pd.DataFrame, steps: tuple[Calibration, ...], weight: str | None) -> None:
    """Raises Problem where the weights do not add up to what they did in a calibration: a part, or another sample."""
    for step, name in with_weights(steps, weight):
        if step.total is None or not len(sample):
            continue
        found, totals = float(numbers(sample, name).sum()), numbers(sample, step.total)
        if not np.allclose(totals, found, rtol=SAME, atol=0):
            values = {"total": f"{totals[0]:.8g}", "found": f"{found:.8g}", "rows": len(sample)}
            raise reference.problem("estimate.calibrated_part", column=name, **values)


def _cross(sample: pd.DataFrame, columns: tuple[str, ...]) -> tuple[np.ndarray, list[Any]]:
    """Code of each row among the observed combinations, and these: a text for one column, else a tuple of texts."""
    if not columns:
        return np.zeros(len(sample), dtype=np.int64), [()]
    coded = [column_codes(sample[c]) for c in columns]
    frame = pd.DataFrame({i: codes for i, (codes, _) in enumerate(coded)})
    group = frame.groupby(list(frame.columns), sort=True)
    parts = group.size().index.to_frame(index=False).to_numpy()
    labels = [tuple(coded[i][1][code] for i, code in enumerate(row)) for row in parts]
    return group.ngroup().to_numpy(), [label[0] if len(columns) == 1 else label for label in labels]
