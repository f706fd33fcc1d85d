"""How a tidy table of numbers looks: formats, tables, charts and the font, in two languages."""

from aidlib.display.charts import Sketch, plot, sketch
from aidlib.display.fonts import font_path, missing_glyphs, subset
from aidlib.display.formats import number
from aidlib.display.style import figure, png, svg
from aidlib.display.tables import alternative, compact, legend, table

__all__ = [
    "Sketch",
    "alternative",
    "compact",
    "figure",
    "font_path",
    "legend",
    "missing_glyphs",
    "number",
    "plot",
    "png",
    "sketch",
    "subset",
    "svg",
    "table",
]
