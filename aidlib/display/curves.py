"""Charts along a continuous axis: lines over time, step curves and densities, labelled at their right ends."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from aidlib import reference
from aidlib.display import labels
from aidlib.display.labels import OPEN
from aidlib.display.layout import Layout, finish
from aidlib.display.style import DASHES, GRID, INK, MARKERS, SOFT

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_BANDS = 3  # bands of more series hide one another; they become bars
# Multiples of the local line that grades are made of.
MARKED = {"net_ratio_band": (1.0, 1.5, 2.0)}
CLOSEST = 0.062  # least distance between two labels, in heights of the axes


def height(layout: Layout) -> float:
    """Inches: more when many labels must stand at the right."""
    return 2.7 + 0.14 * max(0, len(layout.series) - 4)


def line(ax: Axes, layout: Layout) -> None:
    """Points joined by lines with their intervals; a withheld number breaks the line."""
    for i, series in enumerate(layout.series):
        rows, colour = layout.of(series), layout.colour(series)
        ax.plot(rows["x"], rows["estimate"], color=colour, linestyle=DASHES[i], zorder=3)
        faces = np.where(rows["care"], "white", colour)
        ax.scatter(rows["x"], rows["estimate"], s=24, marker=MARKERS[i], facecolors=faces, edgecolors=colour, zorder=4)
        _uncertainty(ax, layout, rows, colour, i)
    _finish_along(ax, layout)


def step(ax: Axes, layout: Layout) -> None:
    """Right-continuous steps with a band, as survival and incidence curves are drawn; a curve may end before others."""
    layout = _without_what_is_over(layout)
    banded = len(layout.series) <= MOST_BANDS
    for i, series in enumerate(layout.series):
        rows, colour = layout.of(series), layout.colour(series)
        ax.step(rows["x"], rows["estimate"], where="post", color=colour, linestyle=DASHES[i], zorder=3)
        care = rows[rows["care"]]
        ax.scatter(care["x"], care["estimate"], s=20, facecolors="white", edgecolors=colour, zorder=4)
        if banded and layout.intervals:
            ax.fill_between(rows["x"], rows["low"], rows["high"], step="post", color=colour, alpha=0.15, linewidth=0)
    _finish_along(ax, layout, intervals=banded)


def _without_what_is_over(layout: Layout) -> Layout:
    """Without the times of which a series has no data: nothing is withheld there."""
    told = labels.reason(layout.rows) != "empty"
    return replace(layout, rows=layout.rows[told]) if told.any() else layout


def density(ax: Axes, layout: Layout) -> None:
    """Curves above zero, lightly filled while they are few; shares of bands, named by their lower edges, as steps."""
    if layout.axis.endswith("_band") and layout.numeric:
        _histogram(ax, layout)
        return
    for i, series in enumerate(layout.series):
        rows, colour = layout.of(series), layout.colour(series)
        ax.plot(rows["x"], rows["estimate"], color=colour, linestyle=DASHES[i], zorder=3)
        if len(layout.series) <= MOST_BANDS:
            ax.fill_between(rows["x"], 0, rows["estimate"], color=colour, alpha=0.12, linewidth=0)
    _finish_along(ax, layout, intervals=False)
    ax.set_ylim(bottom=0)


def _histogram(ax: Axes, layout: Layout) -> None:
    """The outline of the bands' shares. A withheld band is a gap in the outline with a dash below, never a zero; where
    the chart has one outline only, the field of the gap is hatched."""
    edges, width = band_edges(layout)
    for i, series in enumerate(layout.series):
        rows, colour = layout.of(series), layout.colour(series)
        heights = np.zeros(len(edges) - 1)
        at = np.rint((rows["x"].to_numpy() - edges[0]) / width).astype(int)
        heights[at] = rows["estimate"]  # missing where withheld
        ax.stairs(heights, edges, baseline=None, color=colour, linestyle=DASHES[i], linewidth=1.5, zorder=3)
        if len(layout.series) <= MOST_BANDS:
            ax.stairs(heights, edges, fill=True, color=colour, alpha=0.12, linewidth=0)
        for place in rows.loc[rows["hidden"], "x"]:
            middle = place + width / 2
            ax.text(middle, 0.01 + 0.045 * i, "–", transform=ax.get_xaxis_transform(), ha="center", color=colour)
    for place in layout.rows.loc[layout.rows["hidden"] & (len(layout.series) == 1), "x"]:
        ax.axvspan(place, place + width, facecolor="none", edgecolor=GRID, hatch="////", linewidth=0, zorder=0)
    for mark in MARKED.get(layout.axis, ()):
        ax.axvline(mark, color=SOFT, linewidth=0.8, linestyle=":")
    _finish_along(ax, layout, intervals=False, gaps=False)
    ax.set_xlim(edges[0], edges[-1])
    ax.set_ylim(bottom=0)


def band_edges(layout: Layout) -> tuple[np.ndarray, float]:
    """Edges of all bands between the first and the last, and their width; a band without a row is one of zero."""
    places = np.sort(layout.rows["x"].unique())
    width = float(np.diff(places).min()) if len(places) > 1 else 1.0
    number = round((places[-1] - places[0]) / width) + 1
    return places[0] + width * np.arange(number + 1), width


def _uncertainty(ax: Axes, layout: Layout, rows: pd.DataFrame, colour: str, i: int) -> None:
    """Bands for few series, else thin bars set a little apart."""
    if not layout.intervals:
        return
    if len(layout.series) <= MOST_BANDS:
        ax.fill_between(rows["x"], rows["low"], rows["high"], color=colour, alpha=0.15, linewidth=0)
        return
    span = float(layout.rows["x"].max() - layout.rows["x"].min()) or 1.0
    shift = (i - (len(layout.series) - 1) / 2) * 0.006 * span
    ax.vlines(rows["x"] + shift, rows["low"], rows["high"], colors=colour, linewidth=0.9, alpha=0.7)


def _finish_along(ax: Axes, layout: Layout, intervals: bool = True, gaps: bool = True) -> None:
    """Ticks, labels and notes; gaps: a dash below each withheld number."""
    hidden = layout.rows[layout.rows["hidden"] & gaps]
    for at in hidden["x"].unique():
        ax.text(at, 0.015, "–", transform=ax.get_xaxis_transform(), ha="center", va="bottom", color=SOFT)
    _ticks(ax, layout)
    finish(ax, layout, values="y", intervals=intervals)
    if layout.numeric:
        name = reference.heading(layout.axis, layout.language)
        note = ax.get_xlabel()
        ax.set_xlabel("   ".join(part for part in (name, note) if part), loc="left")
    lowest = layout.rows["low"].min()
    if layout.kind == "level" and lowest >= 0:
        ax.set_ylim(bottom=0)
    _end_labels(ax, layout)


def _ticks(ax: Axes, layout: Layout) -> None:
    """A tick at every year or category; a free scale for other numbers."""
    from matplotlib.ticker import MaxNLocator

    places = np.sort(layout.rows["x"].unique())
    if not layout.numeric:
        ax.set_xticks(range(len(layout.axis_labels)), layout.axis_labels)
    elif len(places) <= 12:
        ax.set_xticks(places, [f"{place:g}" for place in places])
    elif layout.axis_values[-1].endswith(OPEN):
        free = MaxNLocator(8, steps=[1, 2, 5, 10]).tick_values(places[0], places[-1])
        inside = free[(free >= places[0]) & (free < places[-1])]
        ax.set_xticks([*inside, places[-1]], [*(f"{place:g}" for place in inside), f"{places[-1]:g}{OPEN}"])
    else:
        ax.xaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 5, 10]))


def _end_labels(ax: Axes, layout: Layout) -> None:
    """Each series named at its last point, labels pushed apart where they would overlap."""
    if len(layout.series) < 2:
        return
    ends = {series: layout.of(series).dropna(subset=["estimate"]) for series in layout.series}
    last = {series: float(rows["estimate"].iloc[-1]) for series, rows in ends.items() if len(rows)}
    bottom, top = ax.get_ylim()
    names = sorted(last, key=lambda series: last[series])
    gap = CLOSEST * 2.7 / height(layout)
    places = spread_apart(np.array([(last[name] - bottom) / (top - bottom) for name in names]), gap)
    for name, place in zip(names, places, strict=True):
        i = layout.series.index(name)
        ax.annotate(
            name, (1.0, place), xycoords="axes fraction", xytext=(16, 0), textcoords="offset points", va="center",
            fontsize=8, color=INK, annotation_clip=False,
        )  # fmt: skip
        ax.annotate(
            "", (1.0, place), xycoords="axes fraction", xytext=(14, 0), textcoords="offset points",
            arrowprops={"arrowstyle": "-", "color": layout.colour(name), "linestyle": DASHES[i], "linewidth": 1.8},
            annotation_clip=False,
        )  # fmt: skip


def spread_apart(places: np.ndarray, gap: float) -> np.ndarray:
    """Sorted ``places`` moved as little as needed so that neighbours are ``gap`` apart: pooled blocks keep their mean.

    The isotonic regression of places - i·gap, by pooling adjacent violators.
    """
    blocks: list[list[float]] = []
    for i, place in enumerate(places):
        blocks.append([float(place) - i * gap, 1.0])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            mean, weight = blocks.pop()
            blocks[-1] = [
                (blocks[-1][0] * blocks[-1][1] + mean * weight) / (blocks[-1][1] + weight),
                blocks[-1][1] + weight,
            ]
    flat = np.concatenate([np.full(int(weight), mean) for mean, weight in blocks]) if blocks else np.array([])
    return flat + np.arange(len(places)) * gap
