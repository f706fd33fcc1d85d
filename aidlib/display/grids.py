"""Charts in cells: a matrix, the tile grid of China's provinces, and a plain table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from aidlib import reference
from aidlib.display import formats, labels
from aidlib.display.layout import Layout, note_on_marks
from aidlib.display.style import INK, SOFT

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BLUES = ("#f3f7fb", "#0b4a7a")
EMPTY = "#f0f0f0"
# Place (column, row) of each province in the tile grid, by the first two digits of GB/T 2260.
TILES = {
    "23": (8, 0), "22": (8, 1), "21": (8, 2), "15": (6, 1), "65": (0, 2), "62": (3, 2), "64": (4, 2), "14": (5, 2),
    "11": (6, 2), "12": (7, 2), "63": (2, 3), "61": (4, 3), "41": (5, 3), "13": (6, 3), "37": (7, 3), "54": (1, 4),
    "51": (3, 4), "50": (4, 4), "42": (5, 4), "34": (6, 4), "32": (7, 4), "31": (8, 4), "53": (2, 5), "52": (3, 5),
    "43": (4, 5), "36": (5, 5), "33": (7, 5), "45": (4, 6), "44": (5, 6), "35": (6, 5), "46": (4, 7),
}  # fmt: skip
SHORT_ZH = {"15": "内蒙古", "23": "黑龙江"}


def all_provinces(rows: pd.DataFrame, dims: list[str]) -> bool:
    """True if all regions but the nation and a total are provinces of China, which the tile grid can hold."""
    if "region" not in dims:
        return False
    codes = set(rows["region"].astype(str)) - {"all", "000000"}
    return bool(codes) and all(code[2:] == "0000" and code[:2] in TILES for code in codes)


def height_of_tiles(layout: Layout) -> float:
    """Inches for eight rows of tiles."""
    return 4.9


def height_of_matrix(layout: Layout) -> float:
    """Inches: a line per category and room for the column labels."""
    return 0.95 + 0.34 * len(layout.axis_labels)


def height_of_table(layout: Layout) -> float:
    """Inches for a line per row of the table."""
    return 0.5 + 0.24 * len(layout.axis_labels)


def tiles(ax: Axes, layout: Layout) -> None:
    """One square per province, shaded by value, with its name and number; withheld ones are grey with a dash."""
    from matplotlib.patches import Rectangle

    rows = layout.of(layout.series[0]).assign(code=lambda d: d["region"].astype(str).str[:2])
    rows = rows[~rows["region"].astype(str).isin(["all", "000000"])].drop_duplicates("code")
    shade = _shades(rows["estimate"])
    for code, value, hidden, care, colour in zip(
        rows["code"], rows["estimate"], rows["hidden"], rows["care"], shade, strict=True
    ):
        x, y = TILES[code]
        face = EMPTY if hidden else colour
        ax.add_patch(Rectangle((x, y), 0.94, 0.94, facecolor=face, edgecolor=SOFT if care else "white", linewidth=0.8))
        ink = _ink(face)
        ax.text(x + 0.47, y + 0.33, _province(code, layout.language), ha="center", va="center", fontsize=7, color=ink)
        text = formats.digits(value, formats.Style(decimals=layout.style.decimals))
        ax.text(x + 0.47, y + 0.67, f"({text})" if care else text, ha="center", va="center", fontsize=7, color=ink)
    ax.set(xlim=(-0.1, 9.1), ylim=(8.1, -0.1), aspect="equal")
    ax.axis("off")
    ax.set_title(_caption(layout), loc="left", fontsize=8, color=SOFT)


def matrix(ax: Axes, layout: Layout) -> None:
    """Cells shaded by value with the number written in; rows are the axis, columns the series."""
    from matplotlib.patches import Rectangle

    shade = dict(zip(layout.rows.index, _shades(layout.rows["estimate"]), strict=True))
    for series in layout.series:
        column = layout.series.index(series)
        for index, row in layout.of(series).iterrows():
            face = EMPTY if row["hidden"] else shade[index]
            ax.add_patch(Rectangle((column, row["x"] - 0.5), 1, 1, facecolor=face, edgecolor="white", linewidth=1.2))
            text = formats.digits(row["estimate"], formats.Style(decimals=layout.style.decimals))
            shown = f"({text})" if row["care"] else text
            ax.text(column + 0.5, row["x"], shown, ha="center", va="center", fontsize=7.5, color=_ink(face))
    ax.set_xlim(0, len(layout.series))
    ax.set_ylim(len(layout.axis_labels) - 0.5, -0.5)
    ax.set_yticks(range(len(layout.axis_labels)), layout.axis_labels)
    ax.set_xticks(np.arange(len(layout.series)) + 0.5, [_folded(name) for name in layout.series])
    ax.xaxis.tick_top()
    ax.tick_params(length=0, labelfontfamily="Noto Sans SC")
    ax.spines[:].set_visible(False)
    ax.set_xlabel(
        "   ".join(p for p in (layout.style.head(layout.language), note_on_marks(layout, "( )")) if p), loc="left"
    )


def table(ax: Axes, layout: Layout) -> None:
    """The numbers as a drawn table, for previews; pages set a real table instead."""
    ax.axis("off")
    style = layout.style
    grid = layout.rows.assign(
        text=[formats.digits(v, formats.Style(decimals=style.decimals)) for v in layout.rows["estimate"]]
    )
    wide = grid.pivot_table(index="x", columns="series", values="text", aggfunc="first", sort=False)
    wide = wide.reindex(columns=list(layout.series)).fillna(formats.WITHHELD)
    names = [layout.axis_labels[int(x)] for x in wide.index]
    heads = [name or labels.head(style, layout.language) for name in layout.series]
    drawn = ax.table(cellText=wide.to_numpy().tolist(), rowLabels=names, colLabels=heads, loc="upper left")
    drawn.auto_set_font_size(False)
    drawn.set_fontsize(8)
    for cell in drawn.get_celld().values():
        cell.set_linewidth(0.4)
        cell.set_edgecolor(SOFT)


def _province(code: str, language: str) -> str:
    name = reference.label("region", f"{code}0000", language)
    if language == "en":
        return name.replace("Inner Mongolia", "I. Mongolia").replace("Heilongjiang", "Heilongj.")
    return SHORT_ZH.get(code, name[:2])


def _shades(values: pd.Series) -> list[str]:
    """Colours from light (lowest value) to dark (highest value)."""
    from matplotlib.colors import LinearSegmentedColormap, to_hex

    low, high = values.min(), values.max()
    scaled = (values - low) / (high - low) if high > low else values * 0 + 0.5
    ramp = LinearSegmentedColormap.from_list("blues", BLUES)
    return [to_hex(ramp(v)) for v in scaled.fillna(0)]


def _ink(face: str) -> str:
    red, green, blue = (int(face[i : i + 2], 16) for i in (1, 3, 5))
    return "white" if 0.299 * red + 0.587 * green + 0.114 * blue < 140 else INK


def _caption(layout: Layout) -> str:
    unit = layout.style.head(layout.language)
    return "   ".join(part for part in (unit, note_on_marks(layout, "( )")) if part)


def _folded(name: str) -> str:
    from textwrap import wrap

    return "\n".join(wrap(name, 8 if any(ord(c) > 0x2E80 for c in name) else 12)) or name
