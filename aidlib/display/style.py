"""House style of charts: the font, a palette that colour-blind readers tell apart, light grids, repeatable bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from html import escape
from io import BytesIO
from typing import TYPE_CHECKING, Any

from aidlib.display.fonts import FAMILY, font_path

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK = "#222222"
SOFT = "#666666"
GRID = "#e3e3e3"
# Okabe and Ito (2008) without its yellow, which is too light for print, and with a dark grey for totals.
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#5e4b8b", "#7a7a7a")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "h")
DASHES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)), (0, (7, 2)))
SALT = "aidlib"


@contextmanager
def house_style() -> Iterator[None]:
    """matplotlib's settings for the time of drawing; whatever the caller had set returns afterwards."""
    import matplotlib as mpl

    _register_font()
    with mpl.rc_context(_settings()):
        yield


def figure(width: float, height: float) -> Figure:
    """An empty figure of ``width`` × ``height`` inches in house style, without any global plotting state."""
    from matplotlib.figure import Figure

    with house_style():
        return Figure(figsize=(width, height), layout="constrained", facecolor="white")


def svg(chart: Figure, *, title: str, description: str, prefix: str) -> str:
    """The chart as an <svg> element with text drawn as paths, a title and a description for screen readers.

    prefix: put before every id, so that several charts can stand in one page. The same chart gives the same text.
    """
    out = BytesIO()
    with house_style():
        chart.savefig(out, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return _accessible(out.getvalue().decode("utf-8"), title, description, prefix)


def png(chart: Figure, dpi: int = 200) -> bytes:
    """The chart as PNG bytes without a date."""
    out = BytesIO()
    with house_style():
        chart.savefig(out, format="png", dpi=dpi, metadata={"Software": None})
    return out.getvalue()


@cache
def _register_font() -> None:
    from matplotlib import font_manager

    font_manager.fontManager.addfont(font_path())


def _settings() -> dict[Any, Any]:
    from cycler import cycler

    return {
        "font.family": [FAMILY],
        "font.size": 9,
        "text.color": INK,
        "axes.edgecolor": SOFT,
        "axes.labelcolor": SOFT,
        "axes.labelsize": 8,
        "axes.linewidth": 0.6,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "axes.unicode_minus": True,
        "axes.prop_cycle": cycler(color=PALETTE),
        "grid.color": GRID,
        "grid.linewidth": 0.6,
        "xtick.color": INK,
        "ytick.color": INK,
        "xtick.labelsize": 8,
        "ytick.labelsize": 8,
        "xtick.major.width": 0.6,
        "ytick.major.width": 0.6,
        "legend.frameon": False,
        "legend.fontsize": 8,
        "lines.linewidth": 1.5,
        "lines.markersize": 5,
        "svg.fonttype": "path",
        "svg.hashsalt": SALT,
        "path.simplify": True,
    }


def _accessible(text: str, title: str, description: str, prefix: str) -> str:
    """The <svg> element alone: ids prefixed, metadata and page-wide style removed, title and description put in."""
    body = text[text.index("<svg") :].rstrip()
    body = re.sub(r"<metadata>.*?</metadata>\s*", "", body, flags=re.S)
    body = re.sub(r"<style type=\"text/css\">.*?</style>\s*", "", body, flags=re.S)
    body = re.sub(r"<!--.*?-->\s*", "", body, flags=re.S)  # matplotlib repeats every text in a comment
    body = re.sub(r"<defs>\s*</defs>\s*", "", body)
    body = re.sub(r"\n\s*", "\n", body)
    body = re.sub(r'\bid="', f'id="{prefix}-', body)
    body = re.sub(r'(xlink:href="#|url\(#)', rf"\g<1>{prefix}-", body)
    opening = re.match(r"<svg[^>]*>", body)
    assert opening is not None, "matplotlib's svg begins with its root element"
    tag = (
        opening.group()[:-1]
        + f' role="img" aria-labelledby="{prefix}-title {prefix}-desc"'
        + ' stroke-linejoin="round" stroke-linecap="butt">'
    )
    words = f'<title id="{prefix}-title">{escape(title)}</title><desc id="{prefix}-desc">{escape(description)}</desc>'
    return tag + words + body[opening.end() :]
