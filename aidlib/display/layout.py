"""From tidy rows to what a chart needs: positions on an axis, series with colours, and what had to be left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from aidlib import reference
from aidlib.display import formats, labels
from aidlib.display.style import GRID, INK, PALETTE, SOFT

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_SERIES = 8
MOST_CATEGORIES = 40
ALONG = {"line", "density", "step"}  # charts whose first dimension is continuous
# Dimensions without an order of their own: a chart sorts them by value.
UNORDERED = {
    "region",
    "county",
    "cause",
    "cause_main",
    "industry",
    "variable",
    "check",
    "wish",
    "wishes",
    "factor",
    "term",
}
# Units whose total is the sum of its parts: its bar would dwarf theirs, so it stands in the table alone.
SUMS = {"yuan", "yuan/year", "households", "persons", "rows"}
RATIOS = ("odds_ratio", "hazard_ratio", "rate_ratio")  # 1 where nothing makes a difference
WRAP = {"zh": 12, "en": 26}


@dataclass(frozen=True)
class Layout:
    """Rows ready to draw: estimate, low and high in the scale of the axis, ``axis`` (label), ``x`` (position),

    ``series`` (label), ``hidden`` and ``care`` (flags). ``axis_labels`` stand at positions 0, 1, …; ``numeric`` says
    that x are numbers of their own. ``partial``: some rows are not drawn. ``aligned``: series are quantiles, which
    never cross and so may share a line.
    """

    rows: pd.DataFrame
    axis: str
    axis_labels: tuple[str, ...]
    axis_values: tuple[str, ...]
    series: tuple[str, ...]
    style: formats.Style
    kind: str
    language: str
    numeric: bool
    partial: bool
    aligned: bool

    def of(self, series: str) -> pd.DataFrame:
        """The rows of one series in the order of the axis."""
        return self.rows[self.rows["series"] == series].sort_values("x", kind="stable")

    def colour(self, series: str) -> str:
        """The series' colour; a series of totals is dark."""
        return PALETTE[self.series.index(series) % len(PALETTE)]

    @property
    def intervals(self) -> bool:
        """Whether any drawn number has a sampling error."""
        return bool((self.rows["high"] > self.rows["low"]).any())


def arrange(
    rows: pd.DataFrame, *, domains: Sequence[str], keys: Sequence[str], unit: str, kind: str, language: str, chart: str
) -> Layout:
    """Choose axis and series, drop what a chart cannot hold, and scale the numbers for the axis."""
    rows = labels.without_doubled_total(rows, domains)
    axis, rest = _axis_and_series(rows, labels.dimensions(rows, domains, keys), chart)
    kept = _few_series(rows, rest)
    if chart in {"stack", "waterfall"} and axis:
        kept = _without_totals(kept, rest)
    if chart == "bar" and axis and unit in SUMS:
        kept = _without_totals(kept, [axis])
    rest = [c for c in rest if len(kept[c].unique()) > 1]
    if axis and chart not in ALONG:
        kept = kept[kept[axis].isin(kept[axis].unique()[:MOST_CATEGORIES])]
    style = formats.style_of(unit, kept[["estimate", "low", "high"]].to_numpy(dtype=float).ravel())
    drawn = _with_something_to_show(_scaled(kept, style).assign(series=_joined(kept, rest, language)))
    values = _ordered_values(drawn, axis, chart)
    numeric = chart in ALONG and axis != "" and bool(_numbers(drawn[axis]).notna().all())
    names = tuple(_wrapped(labels.text(axis, value, language), language) for value in values) if axis else ("",)
    drawn = drawn.assign(x=_positions(drawn, axis, values, numeric))
    series = tuple(dict.fromkeys(drawn["series"]))
    partial, aligned = len(drawn) < len(rows), rest == ["q"]
    return Layout(drawn, axis, names, tuple(values), series, style, kind, language, numeric, partial, aligned)


def finish(ax: Axes, layout: Layout, *, values: str, intervals: bool = True, care: str = "○") -> None:
    """Grid, unit, number format, zero line and the note on marks.

    values: the axis of the numbers (x or y). intervals: whether the chart draws them. care: the mark of a figure to
    use with care.
    """
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    target = ax.xaxis if values == "x" else ax.yaxis
    target.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    target.set_major_formatter(FuncFormatter(lambda value, _: _tick(value)))
    ax.grid(axis="x" if values == "x" else "y", color=GRID)
    ax.tick_params(length=0, labelfontfamily="Noto Sans SC")
    if layout.kind in {"change", "effect"}:
        nothing = 1.0 if layout.rows["measure"].isin(RATIOS).all() else 0.0  # what no effect looks like
        (ax.axvline if values == "x" else ax.axhline)(nothing, color=INK, linewidth=0.8, zorder=1)
    unit, note = _unit_line(layout, intervals), note_on_marks(layout, care)
    if values == "x":
        ax.set_xlabel("\n".join(part for part in (unit, note) if part), loc="left")
    else:
        ax.set_title(unit, loc="left", fontsize=8, color=SOFT)
        ax.set_xlabel(note, loc="left")


def note_on_marks(layout: Layout, care: str = "○") -> str:
    """What the mark ``care`` and dashes mean, as far as they occur."""
    words, parts = labels.WORDS, []
    if layout.rows["care"].any():
        parts.append(f"{care} {words['care'][layout.language]}")
    if layout.rows["hidden"].any():
        parts.append(f"– {words['withheld'][layout.language]}")
    return "   ".join(parts)


def _tick(value: float) -> str:
    """Digits without trailing zeros: the axis shows 10, not 10.0."""
    text = f"{value:,.6g}" if abs(value) < 1e6 else f"{value:,.0f}"
    text = f"{value:,.0f}" if float(value).is_integer() else text
    return formats.MINUS + text[1:] if text.startswith("-") else text


def _unit_line(layout: Layout, intervals: bool) -> str:
    unit = layout.style.head(layout.language)
    if not (intervals and layout.intervals):
        return unit
    interval = labels.WORDS["interval"][layout.language]
    return (
        (f"{unit}，含{interval}" if unit else interval)
        if layout.language == "zh"
        else ", ".join(filter(None, [unit, interval]))
    )


def _axis_and_series(rows: pd.DataFrame, dims: list[str], chart: str) -> tuple[str, list[str]]:
    if not dims:
        return "", []
    if chart in ALONG:
        times = [c for c in dims if c in labels.TIMES] or [c for c in dims if c == "q"]
        numbers = [c for c in dims if _numbers(rows[c]).notna().all()]
        axis = (times or numbers or dims)[0]
    elif chart == "waterfall" and "component" in dims:
        axis = "component"
    elif chart == "stack":
        parts = _parts(dims)
        axis = next((c for c in dims if c != parts), parts)
    else:
        axis = max((c for c in dims), key=lambda c: (c not in labels.TIMES, rows[c].nunique()))
    return axis, [c for c in dims if c != axis]


def _parts(dims: list[str]) -> str:
    """The dimension whose values are parts of a whole: the one that is no column of the data (what an analysis split
    up, such as sources of income), else the last one, times aside."""
    known = {name for table in reference.dictionary().tables.values() for name in table.columns}
    made = [c for c in dims if c not in known and c not in labels.TIMES]
    return made[0] if len(made) == 1 else [c for c in dims if c not in labels.TIMES or len(dims) == 1][-1]


def _few_series(rows: pd.DataFrame, rest: list[str]) -> pd.DataFrame:
    """At most MOST_SERIES: wide dimensions give way to their total and times to their last, then narrow ones to their
    first value (nominal of nominal and real); of a single dimension the first values stay."""
    kept = rows
    for column in sorted(rest, key=lambda c: -rows[c].nunique()):
        if kept.groupby(rest, sort=False, dropna=False).ngroups <= MOST_SERIES:
            return kept
        values = kept[column].astype(str)
        if (values == "all").any():
            kept = kept[values == "all"]
        elif column in labels.TIMES:
            kept = kept[values == values.max()]
    for column in sorted(rest, key=lambda c: kept[c].nunique())[:-1]:
        if kept.groupby(rest, sort=False, dropna=False).ngroups <= MOST_SERIES:
            return kept
        kept = kept[kept[column] == kept[column].iloc[0]]
    if not rest:
        return kept
    order = kept.groupby(rest, sort=False, dropna=False).ngroup()
    return kept[order < MOST_SERIES]


def _without_totals(rows: pd.DataFrame, rest: list[str]) -> pd.DataFrame:
    """Parts without their total, which would stand in the stack twice."""
    for column in rest:
        parts = rows[rows[column].astype(str) != "all"]
        rows = parts if len(parts) else rows
    return rows


def _scaled(rows: pd.DataFrame, style: formats.Style) -> pd.DataFrame:
    hidden = labels.withheld(rows)
    numbers = rows[["estimate", "low", "high"]].astype(float).mask(hidden) * style.factor
    plain = numbers["estimate"]
    return rows.assign(
        estimate=plain,
        low=numbers["low"].fillna(plain),
        high=numbers["high"].fillna(plain),
        hidden=hidden,
        care=rows["flag"].fillna("") == labels.CARE,
    ).reset_index(drop=True)


def _with_something_to_show(drawn: pd.DataFrame) -> pd.DataFrame:
    """Without the series all of whose numbers are withheld, as long as another one has any."""
    told = (~drawn["hidden"]).groupby(drawn["series"]).transform("any")
    return drawn[told].reset_index(drop=True) if told.any() else drawn


def _joined(rows: pd.DataFrame, rest: list[str], language: str) -> np.ndarray:
    """The name of the series of every row: the labels of its dimensions."""
    if not rest:
        return np.full(len(rows), "", dtype=object)
    parts = [labels.texts(rows, c, language).astype(str) for c in rest]
    name = parts[0]
    for part in parts[1:]:
        name = name + " · " + part
    return name.to_numpy(dtype=object)


def _ordered_values(rows: pd.DataFrame, axis: str, chart: str) -> list[str]:
    """The axis' values: totals first (of parts: last), unordered dimensions by value in their first series."""
    if not axis:
        return [""]
    given = [str(value) for value in rows[axis].unique()]
    if axis in UNORDERED and chart in {"dot", "bar", "tiles"}:
        first = rows[rows["series"] == rows["series"].iloc[0]].assign(key=lambda d: d[axis].astype(str))
        size = first.set_index("key")["estimate"]
        size = size[~size.index.duplicated()]
        if rows["measure"].eq("rank").all():  # the first place on top
            size = -size
        given.sort(key=lambda value: -float(np.nan_to_num(size.get(value, np.nan), nan=-np.inf)))
    total, parts = [v for v in given if v == "all"], [v for v in given if v != "all"]
    return parts + total if chart == "waterfall" else total + parts


def _positions(rows: pd.DataFrame, axis: str, values: list[str], numeric: bool) -> pd.Series:
    if not axis:
        return pd.Series(0.0, rows.index)
    if numeric:
        return _numbers(rows[axis])
    return rows[axis].astype(str).map({value: float(i) for i, value in enumerate(values)})


def _numbers(column: pd.Series) -> pd.Series:
    """The column as numbers, missing for text; the edge of an open band is a number too."""
    return pd.to_numeric(column.astype(str).str.rstrip(labels.OPEN), errors="coerce")


def _wrapped(text: str, language: str) -> str:
    """Long labels on up to three lines: Chinese anywhere, English between words; the rest gives way to "…"."""
    from textwrap import wrap

    return "\n".join(wrap(text, WRAP[language], max_lines=3, placeholder="…")) or text
