"""Long and banded forms of a sample, so that several columns or a distribution are one estimate."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from aidlib.estimate import unit_of

DESIGN_COLUMNS = {
    "household_id",
    "person_id",
    "year",
    "region",
    "stratum",
    "psu",
    "psu_population",
    "weight",
    "weight_persons",
}


def unfold(sample: pd.DataFrame, columns: Sequence[str], name: str) -> pd.DataFrame:
    """The sample once for each of ``columns``: column ``name`` says which, column ``value`` holds it.

    Rows keep their design columns, so ``mean(unfold(...), design, "value", by=[name])`` has the same standard errors as
    one mean per column, and their covariance.
    """
    blocks = [sample.assign(value=sample[column].astype(float)).assign(**{name: column}) for column in columns]
    long = pd.concat(blocks, ignore_index=True)
    units = {unit_of(sample, column) for column in columns}
    shared = {"value": units.pop()} if len(units) == 1 else {}
    long.attrs = sample.attrs | {"units": sample.attrs.get("units", {}) | shared}
    return long


def bands(sample: pd.DataFrame, column: str, *, width: float, top: float) -> pd.DataFrame:
    """The sample with ``<column>_band``: the lower edge of its band of ``width``, the last band open above ``top``.

    Edges are text with two decimals that sort as numbers do (to 99); a missing value has no band.
    """
    lower = (np.floor(sample[column].clip(upper=top) / width + 1e-9) * width).clip(lower=0)
    text = lower.map("{:05.2f}".format, na_action="ignore").astype("str")
    return sample.assign(**{f"{column}_band": text})


def group_by_each(sample: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """The sample once for each of ``columns``, with ``group`` saying ``column=value``; a missing value has no group."""
    blocks = [
        sample.assign(group=(f"{name}=" + sample[name].astype("str")).where(sample[name].notna())) for name in columns
    ]
    return pd.concat(blocks, ignore_index=True)


def within(sample: pd.DataFrame, inside: pd.Series) -> pd.DataFrame:
    """The sample with all but the design columns blank outside the domain ``inside``.

    Every PSU of the strata stays in the variance, as it must: dropping rows would understate standard errors.
    """
    blank = [c for c in sample.columns if c not in DESIGN_COLUMNS]
    return sample.assign(**{c: sample[c].where(inside) for c in blank})
