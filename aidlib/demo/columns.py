"""Columns of text as Arrow arrays, made from codes and numbers without a loop over rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aidlib import reference

Text = Any  # pa.StringArray; pyarrow has no types of its own


def words(codes: np.ndarray, labels: Sequence[str]) -> Text:
    """Labels by position; a negative position is a blank cell."""
    codes = np.asarray(codes)
    index = pa.array(codes.astype(np.int32), mask=codes < 0)
    return pa.DictionaryArray.from_arrays(index, pa.array(list(labels), pa.string())).cast(pa.string())


def coded(codes: np.ndarray, names: Sequence[str], code_list: str) -> Text:
    """The Chinese labels of dictionary codes; ``names``: the code of each position."""
    known = reference.codes(code_list)
    return words(codes, [known[name].zh for name in names])


def numbers(values: np.ndarray, decimals: int = 0) -> Text:
    """Numbers as written; NaN is a blank cell."""
    values = np.asarray(values, dtype=float)
    blank = np.isnan(values)
    if decimals == 0:
        whole = np.round(np.where(blank, 0, values)).astype(np.int64)
        return pa.array(whole, mask=blank).cast(pa.string())
    return pc.replace_substring_regex(
        pa.array(np.round(values, decimals), mask=blank).cast(pa.string()), pattern=r"\.0$", replacement=""
    )


def flags(values: np.ndarray) -> Text:
    """是 and 否; a negative value is a blank cell."""
    return words(np.asarray(values).astype(np.int8), ["否", "是"])


def padded(values: np.ndarray, width: int) -> Text:
    """Whole numbers with leading zeros."""
    return pc.utf8_lpad(pa.array(np.asarray(values, dtype=np.int64)).cast(pa.string()), width=width, padding="0")


def joined(*parts: Any) -> Text:
    """Texts (arrays or single strings) one after another; blank where any is."""
    return pc.binary_join_element_wise(*(p if isinstance(p, pa.Array) else pa.scalar(p) for p in parts), "")


def dates(days: np.ndarray) -> Text:
    """Days (datetime64) as 2019-09-03; NaT is a blank cell."""
    return pa.array(np.asarray(days, dtype="datetime64[D]")).cast(pa.string())


def where(mask: np.ndarray, yes: Any, no: Any) -> Text:
    """``yes`` where ``mask``, else ``no``: arrays, single strings, or None for blank cells."""
    both = [side if isinstance(side, pa.Array) else pa.scalar(side, pa.string()) for side in (yes, no)]
    return pc.if_else(pa.array(np.asarray(mask, dtype=bool)), *both)


def blank(n: int) -> Text:
    """``n`` blank cells."""
    return pa.nulls(n, pa.string())


def day_in(rng: np.random.Generator, year: np.ndarray, first: tuple[int, int], days: int) -> np.ndarray:
    """Days drawn evenly from the ``days`` days that begin with (month, day) of each year."""
    start = np.asarray(year, dtype=np.int64) - 1970
    month = start.astype("datetime64[Y]").astype("datetime64[M]") + np.timedelta64(first[0] - 1, "M")
    return month.astype("datetime64[D]") + (first[1] - 1 + rng.integers(0, days, len(start))).astype("timedelta64[D]")
