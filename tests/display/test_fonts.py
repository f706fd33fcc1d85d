"""The font of all pages."""

from io import BytesIO

from fontTools.ttLib import TTFont

from aidlib import display


def test_the_font_covers_chinese_and_what_pages_draw():
    assert display.font_path().name == "NotoSansSC-Regular.ttf"
    assert display.missing_glyphs("困难职工帮扶送温暖 – − × ○ ± ≥ “” （）ABC\n\t") == set()


def test_a_character_without_glyph_is_found():
    assert display.missing_glyphs("王\U0002a6a5家") == {"\U0002a6a5"}


def test_a_subset_holds_its_characters_and_repeats_byte_for_byte():
    first = display.subset("困难职工12.3%")
    assert first == display.subset("困难职工12.3%")
    font = TTFont(BytesIO(first))
    assert set(map(ord, "困难职工12.3%")) <= set(font.getBestCmap())
    assert len(first) < 20_000
