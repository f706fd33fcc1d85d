"""Charts with one line per category: points with intervals, bars, stacks and waterfalls. Categories run down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from aidlib.display import formats, labels
from aidlib.display.layout import Layout, finish
from aidlib.display.style import INK, MARKERS, SOFT

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TOTAL = "all"
# Components of a flow of files: stocks, and outflows, which are given as positive numbers.
STOCKS, OUTFLOWS = {"opening", "closing"}, {"left", "supported", "closed"}
SUM = "total"  # of the parts of a change; rounded ones need not add up to it exactly
RISE, FALL, LEVEL = "#0072b2", "#d55e00", "#7a7a7a"
LABEL_MOST = 26  # numbers beyond which bars carry no value labels
LEGEND_WIDTH = 78  # narrow characters beside the labels of the categories
NARROWEST = 0.055  # share of the width below which a part of a stack is not labelled


def height(layout: Layout) -> float:
    """Inches for dots and bars: a line per category and series, more for wrapped labels."""
    lines = max(1 if layout.aligned else len(layout.series), max(name.count("\n") + 1 for name in layout.axis_labels))
    per = 0.24 + 0.12 * (lines - 1)
    return 0.75 + per * len(layout.axis_labels) + _legend_height(layout)


def height_of_stack(layout: Layout) -> float:
    """Inches for stacks and waterfalls: a line per category."""
    lines = max(name.count("\n") + 1 for name in layout.axis_labels)
    return 0.75 + (0.3 + 0.1 * (lines - 1)) * len(layout.axis_labels) + _legend_height(layout)


def dot(ax: Axes, layout: Layout) -> None:
    """A point and its interval per category and series; the total in dark."""
    spread = _offsets(layout, 0.62)
    for series, offset in zip(layout.series, spread, strict=True):
        rows = layout.of(series)
        y = rows["x"].to_numpy() + offset
        colours = _colours(rows, layout, series)
        ax.hlines(y, rows["low"], rows["high"], colors=colours, linewidth=1.4, alpha=0.75)
        faces = np.where(rows["care"], "white", colours)
        marker = MARKERS[layout.series.index(series)]
        ax.scatter(
            rows["estimate"], y, s=26, marker=marker, facecolors=faces, edgecolors=colours, linewidths=1.2, zorder=3
        )
        _gaps(ax, rows, y)
    _categories(ax, layout)
    finish(ax, layout, values="x")
    _legend(ax, layout, marked=True)


def bar(ax: Axes, layout: Layout) -> None:
    """Bars from zero with their value and a thin interval; figures to use with care are hollow."""
    spread = _offsets(layout, 0.8)
    thick = 0.66 if len(layout.series) == 1 else 0.78 / len(layout.series)
    for series, offset in zip(layout.series, spread, strict=True):
        rows = layout.of(series)
        y = rows["x"].to_numpy() + offset
        colours = _colours(rows, layout, series)
        faces = np.where(rows["care"], "white", colours)
        ax.barh(y, rows["estimate"].fillna(0), height=thick, color=faces, edgecolor=colours, linewidth=0.8)
        if (rows["high"] > rows["low"]).any():
            ax.hlines(y, rows["low"], rows["high"], colors=INK, linewidth=0.8)
        if len(layout.rows) <= LABEL_MOST:
            _value_labels(ax, rows, y, layout)
        _gaps(ax, rows, y)
    _categories(ax, layout)
    finish(ax, layout, values="x")
    if (layout.rows["estimate"].fillna(0) >= 0).all() and layout.kind not in {"change", "effect"}:
        ax.set_xlim(left=0)
    else:
        ax.use_sticky_edges = False
        ax.margins(x=0.12)
    _legend(ax, layout, marked=False)


def stack(ax: Axes, layout: Layout) -> None:
    """Parts of a whole side by side on one bar per category, wide parts with their value."""
    starts = np.zeros(len(layout.axis_labels))
    whole = layout.rows.groupby("x")["estimate"].sum().max()
    for series in layout.series:
        rows = layout.of(series).drop_duplicates("x")
        at = rows["x"].astype(int).to_numpy()
        sizes = rows["estimate"].fillna(0).to_numpy()
        colour = layout.colour(series)
        faces = np.where(rows["care"], _tint(colour), colour)
        ax.barh(at, sizes, left=starts[at], height=0.7, color=faces, edgecolor="white", linewidth=0.8)
        for y, start, size, care in zip(at, starts[at], sizes, rows["care"], strict=True):
            if size >= NARROWEST * whole:
                ink = _ink_on(_tint(colour) if care else colour)
                value = formats.digits(size / layout.style.factor, layout.style)
                ax.text(start + size / 2, float(y), value, ha="center", va="center", fontsize=7, color=ink)
        starts[at] += sizes
    for at in layout.rows.loc[layout.rows["hidden"], "x"].unique().astype(int):
        ax.annotate("–", (starts[at], at), xytext=(4, 0), textcoords="offset points", va="center", color=SOFT)
    _categories(ax, layout)
    finish(ax, layout, values="x", intervals=False, care=labels.WORDS["pale"][layout.language])
    ax.set_xlim(0, whole if whole > 0 else 1)
    _legend(ax, layout, marked=False)


def waterfall(ax: Axes, layout: Layout) -> None:
    """Levels from zero and signed steps between them; ``steps`` says which rows are which."""
    rows, values, level = steps(layout)
    running = np.cumsum(np.where(level, 0.0, values)) + (values[0] if level[0] else 0.0)
    starts = np.where(level, 0.0, running - values)
    ends = np.where(level, values, running)
    colours = np.where(level, LEVEL, np.where(values >= 0, RISE, FALL))
    y = rows["x"].to_numpy()
    faces = np.where(rows["care"], "white", colours)
    ax.barh(y, ends - starts, left=starts, height=0.62, color=faces, edgecolor=colours, linewidth=0.8)
    ax.vlines(ends[:-1], y[:-1] - 0.31, y[1:] + 0.31, colors=SOFT, linewidth=0.6)
    signed = formats.Style(factor=1, decimals=layout.style.decimals, signed=True)
    plain = formats.Style(factor=1, decimals=layout.style.decimals)
    for at, value, right, is_level, gap in zip(y, values, np.maximum(starts, ends), level, rows["hidden"], strict=True):
        if not gap:
            text = formats.digits(value, plain if is_level and layout.kind != "change" else signed)
            ax.annotate(text, (right, at), xytext=(4, 0), textcoords="offset points", va="center", fontsize=7.5)
    _gaps(ax, rows, y)
    _categories(ax, layout, len(rows))
    finish(ax, layout, values="x", intervals=False)
    ax.use_sticky_edges = False
    ax.margins(x=0.14)
    if min(starts.min(), ends.min()) >= 0:
        ax.set_xlim(left=0)


def steps(layout: Layout) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Rows of the first series, their signed values, and which of them are levels that stand on zero.

    The flow of files is known by its components: outflows count negative, its total, which both sides make up, is left
    out. Otherwise a level is a row named total, and a last one that closes the sum of those before it.
    """
    rows = layout.of(layout.series[0]).drop_duplicates("x")
    names = rows[layout.axis].astype(str) if layout.axis else pd.Series("", rows.index)
    if not STOCKS & set(names):
        values = rows["estimate"].fillna(0).to_numpy()
        return rows, values, _levels(values) | names.eq(SUM).to_numpy()
    kept = names != TOTAL
    rows, names = rows[kept], names[kept]
    values = rows["estimate"].fillna(0).to_numpy()
    signed = np.where(names.isin(OUTFLOWS), -np.abs(values), values)
    return rows, signed, names.isin(STOCKS).to_numpy()


def _levels(values: np.ndarray) -> np.ndarray:
    """Which rows stand on zero: with a closing row that equals the sum of all before it, the first and the last."""
    level = np.zeros(len(values), dtype=bool)
    closes = len(values) > 2 and np.isclose(values[:-1].sum(), values[-1], rtol=1e-6, atol=1e-9)
    if closes:
        level[-1] = True
        level[0] = values[0] > 0 and values[0] >= 0.5 * values[-1]
    return level


def _colours(rows: pd.DataFrame, layout: Layout, series: str) -> list[str]:
    """The series' colour; with one series the total is dark to stand out."""
    plain = layout.colour(series)
    if len(layout.series) > 1 or not layout.axis:
        return [plain] * len(rows)
    return [str(c) for c in np.where(rows[layout.axis].astype(str) == TOTAL, INK, plain)]


def _offsets(layout: Layout, width: float) -> np.ndarray:
    """Places of the series around a category's line, the first on top."""
    number = len(layout.series)
    if layout.aligned:
        return np.zeros(number)
    return (np.arange(number) - (number - 1) / 2) * (width / max(number, 1))


def _categories(ax: Axes, layout: Layout, shown: int | None = None) -> None:
    names = layout.axis_labels[:shown]
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.45, -0.55)
    ax.spines["left"].set_visible(layout.kind not in {"change", "effect"})
    ax.spines["bottom"].set_visible(False)


def _gaps(ax: Axes, rows: pd.DataFrame, y: np.ndarray) -> None:
    """A grey dash at the left end where a number is withheld."""
    place = ax.get_yaxis_transform()
    for at in np.unique(y[rows["hidden"].to_numpy()]):
        ax.text(0.012, at, "–", transform=place, va="center", ha="left", color=SOFT, fontsize=9)


def _value_labels(ax: Axes, rows: pd.DataFrame, y: np.ndarray, layout: Layout) -> None:
    style = formats.Style(decimals=layout.style.decimals, signed=layout.style.signed)
    for at, value, end, gap in zip(y, rows["estimate"], rows["high"], rows["hidden"], strict=True):
        if not gap:
            text, right = formats.digits(value, style), max(value, end, 0)
            ax.annotate(text, (right, at), xytext=(3, 0), textcoords="offset points", va="center", fontsize=7.5)


def _legend(ax: Axes, layout: Layout, *, marked: bool) -> None:
    """The series above the chart, in reading order."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    if len(layout.series) < 2:
        return
    handles: list[Line2D | Patch] = []
    for i, series in enumerate(layout.series):
        colour = layout.colour(series)
        if marked:
            handles.append(Line2D([], [], color=colour, marker=MARKERS[i], linestyle="", markersize=5, label=series))
        else:
            handles.append(Patch(facecolor=colour, label=series))
    ax.legend(
        handles=by_lines(handles, _columns(layout)), loc="lower left", bbox_to_anchor=(0, 1.0),
        ncols=_columns(layout), borderaxespad=0.2,
        handlelength=1.0, columnspacing=1.2, handletextpad=0.5,
    )  # fmt: skip


def by_lines(entries: list[Any], columns: int) -> list[Any]:
    """The entries in the order in which matplotlib, which fills columns, sets them line by line."""
    return [entry for column in range(columns) for entry in entries[column::columns]]


def _columns(layout: Layout) -> int:
    """The most columns of the legend, set line by line, that fit the width: wide characters count double."""
    widths = [sum(2 if ord(c) > 0x2E80 else 1 for c in name) for name in layout.series]
    fitting = [n for n in range(1, len(widths) + 1) if sum(max(widths[i::n]) + 6 for i in range(n)) <= LEGEND_WIDTH]
    return max(fitting, default=1)


def _legend_height(layout: Layout) -> float:
    if len(layout.series) < 2:
        return 0.0
    return 0.2 * -(-len(layout.series) // _columns(layout)) + 0.05


def _tint(colour: str) -> str:
    """The colour mixed with twice as much white: a part to use with care."""
    channels = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return "#" + "".join(f"{(c + 2 * 255) // 3:02x}" for c in channels)


def _ink_on(colour: str) -> str:
    """White or dark, whichever is read better on ``colour``: relative luminance of WCAG 2.2."""
    channels = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return "white" if float(linear @ [0.2126, 0.7152, 0.0722]) < 0.25 else INK
