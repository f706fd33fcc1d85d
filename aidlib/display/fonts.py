"""The one font of all pages: Noto Sans SC Regular (SIL Open Font License), which comes with a dependency."""

from __future__ import annotations

import unicodedata
from functools import cache
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

FAMILY = "Noto Sans SC"
UNSEEN = {"Cc", "Cf", "Zl", "Zp"}  # control and format characters are never drawn
# Chinese and plain Latin need no shaping; these tables cost more time than all the rest.
UNUSED_TABLES = ["GSUB", "GPOS", "GDEF", "STAT", "vhea", "vmtx", "BASE", "gasp"]


@cache
def font_path() -> Path:
    """The font file. Found without importing the package that carries it, whose import would start matplotlib."""
    found = find_spec("zhplot")
    if found is None or not found.submodule_search_locations:
        raise FileNotFoundError("zhplot is not installed; it carries the font of all pages")
    return Path(found.submodule_search_locations[0]) / "fonts" / "NotoSansSC-Regular.ttf"


def missing_glyphs(text: str) -> set[str]:
    """Characters of ``text`` that the font cannot draw."""
    drawable = _characters()
    return {c for c in set(text) if ord(c) not in drawable and unicodedata.category(c) not in UNSEEN}


def subset(text: str) -> bytes:
    """The font cut down to the characters of ``text``, as WOFF; the same text gives the same bytes."""
    from fontTools.subset import Options, Subsetter
    from fontTools.ttLib import TTFont

    font = TTFont(font_path(), recalcTimestamp=False)
    options = Options(layout_features=[], hinting=False, notdef_outline=True, recalc_timestamp=False)
    options.drop_tables += UNUSED_TABLES
    subsetter = Subsetter(options)
    subsetter.populate(text=text)
    subsetter.subset(font)
    font.flavor = "woff"
    out = BytesIO()
    font.save(out)
    return out.getvalue()


@cache
def _characters() -> frozenset[int]:
    from fontTools.ttLib import TTFont

    with TTFont(font_path(), lazy=True) as font:
        return frozenset(font.getBestCmap())
