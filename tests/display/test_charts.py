"""What charts draw, leave out and say."""

import re
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aidlib import display
from aidlib.display.charts import KINDS, TALLEST, suitable
from aidlib.display.curves import spread_apart
from aidlib.display.grids import TILES
from aidlib.display.layout import arrange
from tests.display.rows import tidy, withheld

YEARS = ["2022", "2023", "2024", "2025"]
GRADES = ["deep", "relative", "accident"]


def layout_of(rows, domains, keys, chart, **options):
    shape = {"unit": "share", "kind": "level", "language": "en"} | options
    return arrange(rows, domains=domains, keys=keys, chart=chart, **shape)


@pytest.mark.parametrize("chart", sorted(KINDS))
@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_chart_draws_withheld_and_careful_numbers(chart, language):
    rows = withheld(tidy({"grade": GRADES, "year": YEARS}, np.linspace(0.05, 0.6, 12)), [1])
    rows.loc[4, "flag"] = "care"
    shape = {"domains": ("grade",), "keys": ("year",), "unit": "share", "kind": "level"}
    canvas = display.sketch(rows, **shape, language=language, chart=chart).figure()
    text = display.svg(canvas, title="T", description="D", prefix="p")
    assert text.startswith("<svg") and text.endswith("</svg>")
    assert len(text) > 4000


def test_the_same_rows_give_the_same_bytes_in_another_process():
    code = (
        "from tests.display.rows import tidy; from aidlib import display; import hashlib;"
        "c = display.sketch(tidy({'grade': ['deep', 'near']}, [.1, .2]), domains=('grade',), keys=(), unit='share',"
        "kind='level', language='zh', chart='dot').figure();"
        "print(hashlib.sha256(display.svg(c, title='t', description='d', prefix='p').encode()).hexdigest())"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": seed}
        )
        for seed in ("1", "2")
    ]
    assert runs[0].stdout == runs[1].stdout != ""


def test_importing_display_leaves_matplotlib_alone():
    code = "import sys, aidlib.display; assert 'matplotlib' not in sys.modules and 'zhplot' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_plotting_leaves_the_callers_settings_alone():
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    rows = tidy({"grade": GRADES}, [0.1, 0.2, 0.3])
    display.plot(
        display.figure(4, 3).subplots(), rows, domains=("grade",), keys=(), unit="share", kind="level", language="en"
    )
    assert dict(mpl.rcParams) == before


def test_ids_are_prefixed_and_texts_escaped():
    rows = tidy({"grade": ["--><script>alert(1)</script>", "b"]}, [0.1, 0.2])
    canvas = display.sketch(
        rows, domains=("grade",), keys=(), unit="share", kind="level", language="en", chart="bar"
    ).figure()
    text = display.svg(canvas, title="<b>", description='"&<', prefix="f7")
    assert "<script" not in text and "<b>" not in text
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids)) and all(name.startswith("f7-") for name in ids)
    assert all(name.startswith("f7-") for name in re.findall(r'(?:href="#|url\(#)([^")]+)', text))
    assert 'role="img" aria-labelledby="f7-title f7-desc"' in text
    assert "http" not in re.sub(r'xmlns(:xlink)?="[^"]+"', "", text)


def test_a_chart_shows_at_most_eight_series():
    regions = ["all", *[f"99{i:02d}00" for i in range(1, 14)]]
    rows = tidy({"region": regions, "year": YEARS}, np.linspace(0.1, 0.2, 56))
    layout = layout_of(rows, ("region",), ("year",), "line")
    assert layout.series == ("",) and layout.partial
    assert set(layout.rows["region"]) == {"all"}
    without_total = rows[rows["region"] != "all"]
    layout = layout_of(without_total, ("region",), ("year",), "line")
    assert len(layout.series) == 8 and layout.partial
    assert display.sketch(
        rows, domains=("region",), keys=("year",), unit="share", kind="level", language="en", chart="line"
    ).partial


def test_unordered_categories_are_sorted_with_the_total_first():
    rows = tidy({"region": ["990100", "990200", "all", "990300"]}, [0.1, 0.3, 0.2, 0.25])
    assert layout_of(rows, ("region",), (), "dot").axis_values == ("all", "990200", "990300", "990100")
    assert layout_of(tidy({"grade": GRADES}, [0.1, 0.3, 0.2]), ("grade",), (), "dot").axis_values == tuple(GRADES)


def test_a_stack_leaves_out_the_total_of_its_parts():
    rows = tidy({"year": YEARS, "grade": [*GRADES, "all"]}, [0.2, 0.3, 0.5, 1.0] * 4, se=0.0)
    layout = layout_of(rows, ("year",), ("grade",), "stack")
    assert layout.axis == "year" and len(layout.series) == 3


def test_withheld_numbers_reach_no_chart():
    rows = withheld(tidy({"grade": GRADES}, [0.1, 0.2, 0.3]), [1])
    rows.loc[1, "estimate"] = 0.99  # a number that should have been removed
    layout = layout_of(rows, ("grade",), (), "bar")
    assert np.isnan(layout.rows.loc[1, ["estimate", "low", "high"]].astype(float)).all()


def test_tiles_need_provinces_of_china():
    provinces = tidy({"region": ["000000", "110000", "650000"]}, [0.1, 0.2, 0.3])
    cities = tidy({"region": ["990100", "110000"]}, [0.1, 0.2])
    assert suitable(provinces, ("region",), (), "level", "tiles") == "tiles"
    assert suitable(cities, ("region",), (), "level", "tiles") == "dot"


def test_the_tile_grid_holds_31_provinces_in_places_of_their_own():
    assert len(TILES) == 31 == len(set(TILES.values()))


def test_parts_of_a_whole_are_what_the_analysis_split_up():
    sources = tidy({"source": ["wages_year", "pension_year"], "grade": GRADES}, [0.6, 0.5, 0.4, 0.2, 0.3, 0.4])
    layout = layout_of(sources, ("source", "grade"), (), "stack")
    assert layout.axis == "grade" and layout.series == ("Wages", "Pensions")
    answers = tidy({"year": YEARS, "response": ["complete", "refused"]}, [0.9, 0.1] * 4)
    assert layout_of(answers, ("year", "response"), (), "stack").axis == "year"


def test_too_many_series_leave_out_whole_values_of_a_dimension():
    shape = {"concept": ["income", "income_real"], "year": YEARS, "q": ["0.1", "0.25", "0.5", "0.75", "0.9"]}
    layout = layout_of(tidy(shape, np.arange(40.0)), ("concept", "year"), ("q",), "line", unit="yuan/month")
    assert layout.series == ("P10", "P25", "P50", "P75", "P90") and layout.partial


def test_the_flow_of_files_knows_its_outflows_and_stocks():
    from aidlib.display.bars import steps

    names = ["opening", "new", "returned", "left", "supported", "closed", "closing", "all"]
    rows = tidy({"component": names}, [100, 20, 5, 30, 10, 5, 80, 125], se=0.0)
    _, values, level = steps(layout_of(rows, ("component",), (), "waterfall", unit="households"))
    assert values.tolist() == [100, 20, 5, -30, -10, -5, 80]
    assert level.tolist() == [True] + [False] * 5 + [True]
    rows = withheld(rows, [2, 5])
    _, values, _ = steps(layout_of(rows, ("component",), (), "waterfall", unit="households"))
    assert values.tolist() == [100, 20, 0, -30, -10, 0, 80]


def test_a_waterfall_that_lacks_a_step_becomes_bars():
    """With a withheld step drawn as nothing, the others would not lead to the closing stock."""
    rows = tidy({"component": ["opening", "new", "left", "supported", "closing"]}, [100.0, 30, 20, 5, 105])
    assert suitable(rows, ("component",), (), "change", "waterfall") == "waterfall"
    assert suitable(withheld(rows, [3]), ("component",), (), "change", "waterfall") == "bar"


def test_a_waterfall_closes_on_its_last_level():
    from aidlib.display.bars import _levels

    assert _levels(np.array([100, 20, -30, 90])).tolist() == [True, False, False, True]
    assert _levels(np.array([-2.0, 0.5, -1.5])).tolist() == [False, False, True]
    assert _levels(np.array([1.0, 2.0, 4.0])).tolist() == [False, False, False]


def test_a_rounded_total_of_a_change_still_stands_on_zero():
    from aidlib.display.bars import steps

    rows = tidy({"component": ["growth", "line", "total"]}, [-0.017, 0.014, -0.004])
    _, _, level = steps(layout_of(rows, ("component",), (), "waterfall", unit="pp"))
    assert level.tolist() == [False, False, True]


def test_the_first_place_of_a_rank_stands_on_top():
    rows = tidy({"region": ["990100", "990200", "990300"]}, [2.0, 3.0, 1.0]).assign(measure="rank")
    assert layout_of(rows, ("region",), (), "dot", unit="number").axis_values == ("990300", "990100", "990200")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8).map(sorted))
def test_end_labels_are_never_closer_than_the_gap(places):
    moved = spread_apart(np.array(places), 0.06)
    assert (np.diff(moved) >= 0.06 - 1e-9).all()
    assert np.isclose(moved.mean(), np.mean(places))


def test_an_unknown_chart_is_refused():
    with pytest.raises(KeyError):
        display.sketch(
            tidy({"grade": GRADES}, [1, 2, 3]), domains=("grade",), keys=(), unit="share", kind="level", language="en",
            chart="pie",
        ).figure()  # fmt: skip


@pytest.mark.parametrize("rows", [5, 60])
def test_no_chart_is_taller_than_a_page(rows):
    table = tidy({"region": [f"{i:06d}" for i in range(rows)]}, np.linspace(0.1, 0.2, rows))
    drawn = display.sketch(
        table, domains=("region",), keys=(), unit="share", kind="level", language="en", chart="dot"
    ).figure()
    assert drawn.get_figheight() <= TALLEST


def test_a_withheld_band_is_a_gap_and_no_zero():
    from matplotlib.patches import Rectangle, StepPatch

    rows = withheld(tidy({"net_ratio_band": ["00.00", "00.50", "01.00", "01.50", "02.00+"]}, [0.1] * 5), [2])
    shape = {"domains": ("net_ratio_band",), "keys": (), "unit": "share", "kind": "distribution", "language": "zh"}
    ax = display.sketch(rows, **shape, chart="density").figure().axes[0]
    outline = next(p for p in ax.patches if isinstance(p, StepPatch) and not p.get_fill())
    values, edges, _ = outline.get_data()
    assert np.isnan(values).tolist() == [False, False, True, False, False]
    assert edges.tolist() == [0, 0.5, 1, 1.5, 2, 2.5]
    hatched = [p for p in ax.patches if isinstance(p, Rectangle) and p.get_hatch()]
    assert [(p.get_x(), p.get_width()) for p in hatched] == [(1.0, 0.5)]
    assert "–" in {text.get_text() for text in ax.texts} and "未公布" in ax.get_xlabel()
    assert [label.get_text() for label in ax.get_xticklabels()][-1] in {"2", "2+"}


def test_a_band_that_nobody_is_in_is_zero():
    from matplotlib.patches import StepPatch

    rows = tidy({"net_ratio_band": ["00.00", "00.50", "01.50"]}, [0.1, 0.2, 0.3])
    shape = {"domains": ("net_ratio_band",), "keys": (), "unit": "share", "kind": "distribution", "language": "en"}
    ax = display.sketch(rows, **shape, chart="density").figure().axes[0]
    outline = next(p for p in ax.patches if isinstance(p, StepPatch))
    assert outline.get_data().values.tolist() == [0.1 * 100, 0.2 * 100, 0, 0.3 * 100]


def test_quantiles_of_a_place_stand_on_one_line():
    rows = tidy({"region": ["990100", "990200"], "q": ["0.25", "0.5"]}, [100, 200, 150, 300])
    layout = layout_of(rows, ("region",), ("q",), "dot", unit="yuan/month")
    assert layout.aligned and layout.series == ("P25", "P50")
    shape = {"domains": ("region",), "keys": ("q",), "unit": "yuan/month", "kind": "level", "language": "en"}
    ax = display.sketch(rows, **shape, chart="dot").figure().axes[0]
    places = [collection.get_offsets()[:, 1].tolist() for collection in ax.collections if len(collection.get_offsets())]
    assert places[-1] == [0.0, 1.0]


def test_series_without_a_published_number_are_left_out():
    rows = withheld(tidy({"grade": GRADES, "year": YEARS}, np.linspace(0.1, 0.5, 12)), [0, 4, 5, 6, 7])
    layout = layout_of(rows, ("grade",), ("year",), "line")
    assert layout.series == ("Deep hardship", "Accident hardship") and layout.partial
    nothing = withheld(rows, range(12))
    assert len(layout_of(nothing, ("grade",), ("year",), "line").series) == 3


def test_a_legend_is_read_line_by_line():
    from aidlib.display.bars import by_lines

    assert by_lines([1, 2, 3, 4, 5, 6], 5) == [1, 6, 2, 3, 4, 5]  # matplotlib fills columns: 2, 1, 1, 1, 1
    assert by_lines([1, 2, 3], 3) == [1, 2, 3]


def test_a_part_to_use_with_care_is_pale_and_not_invisible():
    rows = tidy({"year": YEARS, "grade": GRADES}, [0.2, 0.3, 0.5] * 4)
    rows.loc[0, "flag"] = "care"
    shape = {"domains": ("year",), "keys": ("grade",), "unit": "share", "kind": "level", "language": "en"}
    ax = display.sketch(rows, **shape, chart="stack").figure().axes[0]
    faces = {tuple(np.round(patch.get_facecolor(), 2)) for patch in ax.patches}
    assert len(faces) == 4 and (1.0, 1.0, 1.0, 1.0) not in faces
    assert "pale use with care" in ax.get_xlabel()


def drawn(rows, language="en"):
    shape = {"domains": ("grade",), "keys": ("time",), "unit": "share", "kind": "curve"}
    return display.sketch(rows, **shape, language=language).figure().axes[0]


def test_a_curve_that_has_ended_is_not_told_to_be_withheld():
    rows = tidy({"grade": GRADES, "time": ["0", "1", "2", "3"]}, np.linspace(0.9, 0.1, 12))
    rows.loc[3, ["estimate", "se", "low", "high"]], rows.loc[3, "flag"] = np.nan, "empty"
    assert "not published" not in drawn(rows).get_xlabel()
    rows.loc[2, "flag"] = "suppressed"
    assert "not published" in drawn(rows).get_xlabel()


def test_steps_without_bands_name_no_interval():
    few = tidy({"grade": GRADES, "time": ["0", "1", "2"]}, np.linspace(0.9, 0.1, 9))
    many = tidy({"grade": [*GRADES, "near"], "time": ["0", "1", "2"]}, np.linspace(0.9, 0.1, 12))
    assert "95% CI" in drawn(few).get_title(loc="left")
    assert "95% CI" not in drawn(many).get_title(loc="left")
