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


@dataclass(frozen=True)
class Sketch:
    """A chart of which everything is decided, but nothing drawn yet. name: one of KINDS."""

    name: str
    layout: Layout

    @property
    def tells(self) -> bool:
        """False if all numbers to be drawn are withheld or missing, so that the chart would be an empty frame."""
        return not self.layout.rows["hidden"].all()

    @property
    def partial(self) -> bool:
        """True if the chart leaves rows out, so that the page must say where the others stand."""
        return self.layout.partial

    def figure(self) -> Figure:
        """The chart at text width, as high as its rows need."""
        canvas = figure(WIDTH, min(KINDS[self.name].height(self.layout), TALLEST))
        with house_style():
            KINDS[self.name].draw(canvas.subplots(), self.layout)
        return canvas


def sketch(
    rows: pd.DataFrame,
    *,
    domains: Sequence[str],
    keys: Sequence[str],
    unit: str,
    kind: str,
    language: str,
    chart: str | None = None,
) -> Sketch:
    """The chart of ``rows`` that ``plot`` would draw."""
    name = suitable(rows, domains, keys, kind, chart)
    return Sketch(name, arrange(rows, domains=domains, keys=keys, unit=unit, kind=kind, language=language, chart=name))


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
    with house_style():
        drawn = sketch(rows, domains=domains, keys=keys, unit=unit, kind=kind, language=language, chart=chart)
        KINDS[drawn.name].draw(ax, drawn.layout)
    return ax


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
