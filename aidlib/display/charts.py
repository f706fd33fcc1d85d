"""Charts of a tidy table of numbers: which dimension becomes an axis, which one colours, and who draws."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from aidlib.display import bars, curves, grids, labels
from aidlib.display.layout import Layout, arrange
from aidlib.display.style import figure, house_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 6.3  # inches: the text width of an A4 page
TALLEST = 8.6  # inches: its text height, less the caption; a taller chart would be cut off


@dataclass(frozen=True)
class Kind:
    """A chart: its drawing function and its height in inches for a layout."""

    draw: Callable[[Axes, Layout], None]
    height: Callable[[Layout], float]


KINDS = {
    "dot": Kind(bars.dot, bars.height),
    "bar": Kind(bars.bar, bars.height),
    "stack": Kind(bars.stack, bars.height_of_stack),
    "waterfall": Kind(bars.waterfall, bars.height_of_stack),
    "line": Kind(curves.line, curves.height),
    "density": Kind(curves.density, curves.height),
    "step": Kind(curves.step, curves.height),
    "matrix": Kind(grids.matrix, grids.height_of_matrix),
    "tiles": Kind(grids.tiles, grids.height_of_tiles),
    "table": Kind(grids.table, grids.height_of_table),
}


def plot(
    ax: Axes,
    rows: pd.DataFrame,
    *,
    domains: Sequence[str],
    keys: Sequence[str],
    unit: str,
    kind: str,
    language: str,
    chart: str | None = None,
) -> Axes:
    """Draw ``rows`` on ``ax`` and return it. At most 8 series; those beyond give way to totals or are left out.

    chart: dot line bar stack density step matrix waterfall tiles table; None: the one that suits ``kind``. Tiles need
    China's provinces, other regions become dots. A withheld number is a gap with a dash, a number to use with care is
    hollow, and a line under the chart explains both. Raises KeyError for an unknown chart.
    """
    chosen = suitable(rows, domains, keys, kind, chart)
    with house_style():
        layout = arrange(rows, domains=domains, keys=keys, unit=unit, kind=kind, language=language, chart=chosen)
        KINDS[chosen].draw(ax, layout)
    return ax


def chart(
    rows: pd.DataFrame,
    *,
    domains: Sequence[str],
    keys: Sequence[str],
    unit: str,
    kind: str,
    language: str,
    chart: str | None = None,
) -> Figure:
    """A figure of text width, as high as its rows need, with the chart that ``plot`` draws."""
    chosen = suitable(rows, domains, keys, kind, chart)
    layout = arrange(rows, domains=domains, keys=keys, unit=unit, kind=kind, language=language, chart=chosen)
    canvas = figure(WIDTH, min(KINDS[chosen].height(layout), TALLEST))
    with house_style():
        KINDS[chosen].draw(canvas.subplots(), layout)
    return canvas


def partial(
    rows: pd.DataFrame,
    *,
    domains: Sequence[str],
    keys: Sequence[str],
    unit: str,
    kind: str,
    language: str,
    chart: str | None = None,
) -> bool:
    """True if the chart leaves rows out, so that the page must say where the others stand."""
    chosen = suitable(rows, domains, keys, kind, chart)
    layout = arrange(rows, domains=domains, keys=keys, unit=unit, kind=kind, language=language, chart=chosen)
    return layout.partial


def tells(
    rows: pd.DataFrame,
    *,
    domains: Sequence[str],
    keys: Sequence[str],
    unit: str,
    kind: str,
    language: str,
    chart: str | None = None,
) -> bool:
    """False if all numbers that the chart would draw are withheld or missing, so that it would be an empty frame."""
    if labels.withheld(rows).all():
        return False
    chosen = suitable(rows, domains, keys, kind, chart)
    layout = arrange(rows, domains=domains, keys=keys, unit=unit, kind=kind, language=language, chart=chosen)
    return not layout.rows["hidden"].all()


def suitable(rows: pd.DataFrame, domains: Sequence[str], keys: Sequence[str], kind: str, chart: str | None) -> str:
    """The chart that can be drawn: the wanted one, or the usual one of ``kind``; dots where a grid lacks its axes.

    A waterfall that lacks a step becomes bars.
    """
    wanted = chart or {"curve": "step", "distribution": "density", "matrix": "matrix"}.get(kind, "dot")
    dims = labels.dimensions(labels.without_doubled_total(rows, domains), domains, keys)
    if wanted == "waterfall" and labels.withheld(rows).any():  # with a step unknown, the sums would look wrong
        return "bar"
    if wanted == "tiles" and not grids.all_provinces(rows, dims):
        return "dot"
    if wanted == "matrix" and len(dims) < 2:
        return "bar"
    if wanted in {"line", "density", "step"} and not dims:
        return "dot"
    if wanted == "line" and not set(dims) & set(labels.TIMES):  # a single wave: nothing to join
        return "dot"
    return wanted
