"""Long and banded forms of a sample, so that several columns or a distribution are one estimate."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd


def unfold(sample: pd.DataFrame, columns: Sequence[str], name: str) -> pd.DataFrame:
    """The sample once for each of ``columns``: column ``name`` says which, column ``value`` holds it.

    Rows keep their design columns, so ``mean(unfold(...), design, "value", by=[name])`` has the same standard errors as
    one mean per column, and their covariance.
    """
    blocks = [sample.assign(**{name: column, "value": sample[column].astype(float)}) for column in columns]
    return pd.concat(blocks, ignore_index=True)


def bands(sample: pd.DataFrame, column: str, *, width: float, top: float) -> pd.DataFrame:
    """The sample with ``<column>_band``: the lower edge of its band of ``width``, the last band open above ``top``.

    Edges are text with two decimals that sort as numbers do (to 99); a missing value has no band.
    """
    lower = (np.floor(sample[column].clip(upper=top) / width + 1e-9) * width).clip(lower=0)
    text = lower.map("{:05.2f}".format, na_action="ignore").astype("str")
    return sample.assign(**{f"{column}_band": text})
