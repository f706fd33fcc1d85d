"""Dates as people write them: 2019.3, 2019年3月, 20190301, Excel serials of 1900 and 1904, two-digit years."""

from __future__ import annotations

import numpy as np
import pandas as pd

from aidlib.intake.cells import Cleaned, missing_kind, on_known, plain

_FULL = r"^(?P<y>\d{4})[-/.年](?P<m>\d{1,2})(?:[-/.月](?P<d>\d{1,2})日?|月)?(?:T?\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?$"
_ISO = r"\d{4}-\d{2}-\d{2}"
_DENSE = r"^(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})?$"
_SHORT = r"^(?P<y>\d{2})[-/.年](?P<m>\d{1,2})(?:[-/.月](?P<d>\d{1,2})日?|月)?$"
_YEAR = r"^(?P<y>\d{4})年?$"
_SERIAL = r"^(\d{5})(?:\.\d+)?$"
_ZONED = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})$"
_LUNAR = r"农历|阴历|正月|腊月|冬月|初[一二三四五六七八九十]"
_CHINESE = str.maketrans("〇零一二三四五六七八九", "00123456789")
_BETWEEN_EPOCHS = 1462  # days from 1899-12-30 to 1904-01-01
_CENTURY = 30  # a two-digit year up to 30 is 20YY, above it 19YY


def clean_dates(text: pd.Series, *, year: pd.Series | None = None, epoch_1904: bool = False) -> Cleaned:
    """Days (datetime64); a month without a day is its first, a stated time zone is turned to UTC.

    year: the year in which the date must lie, where the row says it; it tells a serial of the 1904 calendar (which
    reads four years and a day early) from one of 1900. ``bad``: impossible or unreadable; ``doubtful``: two-digit year
    or a year alone. Lunar dates are bad: they cannot be turned into days without the year's calendar.
    """
    read = on_known(text.astype("str"), lambda distinct: _read(distinct, epoch_1904))
    value, missing, bad, doubtful, serial = (read[name] for name in ("value", "missing", "bad", "doubtful", "serial"))
    if year is not None and serial.any():
        shifted = value + pd.Timedelta(days=_BETWEEN_EPOCHS)
        value = value.mask(serial & (value.dt.year != year) & (shifted.dt.year == year), shifted)
    return Cleaned(value, missing, bad, doubtful)


def _read(cells: pd.Series, epoch_1904: bool) -> pd.DataFrame:
    """Dates of distinct cells; those written 2019-03-01, as most are, go the short way."""
    iso = cells.str.fullmatch(_ISO)
    value = pd.to_datetime(cells.where(iso), errors="coerce", format="%Y-%m-%d").astype("datetime64[us]")
    other = ~iso
    read = pd.DataFrame({"value": value, "missing": None, "bad": value.isna(), "doubtful": False, "serial": False})
    if other.any():
        rest = _read_other(cells[other].reset_index(drop=True), epoch_1904).set_axis(cells.index[other])
        for name, column in rest.items():
            read.loc[other, name] = column
    return read


def _read_other(cells: pd.Series, epoch_1904: bool) -> pd.DataFrame:
    written = plain(cells)
    kind = missing_kind(written)
    written = written.where(kind.isna())
    written = written.str.replace("十(?=[一二三四五六七八九])", "1", regex=True).str.replace("十", "10", regex=False)
    written = written.map(lambda cell: cell.translate(_CHINESE), na_action="ignore").astype("str")
    zoned = written.where(written.str.match(_ZONED, na=False))
    value = pd.to_datetime(zoned, errors="coerce", utc=True, format="ISO8601").dt.tz_localize(None)
    value = value.astype("datetime64[us]")
    doubtful = pd.Series(False, index=cells.index)
    for pattern in (_FULL, _DENSE, _SHORT, _YEAR):
        parts = written.str.extract(pattern)
        found = value.isna() & parts["y"].notna()
        value = value.mask(found, _day(parts, short=pattern is _SHORT))
        doubtful |= found & (pattern in (_SHORT, _YEAR))
    number = pd.to_numeric(written.str.extract(_SERIAL)[0], errors="coerce")
    days = number + (_BETWEEN_EPOCHS if epoch_1904 else 0)
    serial = value.isna() & days.between(10_000, 80_000)
    value = value.mask(serial, pd.Timestamp("1899-12-30") + pd.to_timedelta(np.floor(days.where(serial)), unit="D"))
    blank = plain(cells).eq("")
    bad = value.isna() & kind.isna() & ~blank
    return pd.DataFrame({"value": value, "missing": kind, "bad": bad, "doubtful": doubtful & ~bad, "serial": serial})


def _day(parts: pd.DataFrame, *, short: bool) -> pd.Series:
    """The day of extracted year, month and day; NaT where there is none such."""
    numbers = {name: pd.to_numeric(parts[name], errors="coerce") if name in parts else 1.0 for name in "ymd"}
    frame = pd.DataFrame(numbers, index=parts.index).fillna({"m": 1, "d": 1})
    if short:
        frame["y"] += np.where(frame["y"] <= _CENTURY, 2000, 1900)
    frame = frame.rename(columns={"y": "year", "m": "month", "d": "day"})
    return pd.to_datetime(frame, errors="coerce").astype("datetime64[us]")


def lunar(text: pd.Series) -> pd.Series:
    """Which cells hold a date of the lunar calendar."""
    return text.str.contains(_LUNAR, regex=True, na=False)
