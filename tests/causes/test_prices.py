"""Published prices and the supplement linked to them: by hand, planted truth, rules by month, edges, errors."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from aidlib import reference
from aidlib.causes import (
    price_growth,
    real_standards,
    supplement_due,
    supplement_figures,
    supplement_months,
    with_supplement,
)
from aidlib.causes import (
    standards as causes_standards,
)
from aidlib.causes.published import growth
from aidlib.estimate import Design, mean, proportion, total, unit_of
from aidlib.reference import Problem, heading, label, method, price_index
from aidlib.survey import within

RULES = Path(__file__).parents[2] / "data" / "rules"
SHOCKED = ["990100", "990300", "990500", "990700"]
CITIES = [f"99{n:02d}00" for n in range(1, 13)]


@pytest.fixture
def none(tmp_path) -> Path:
    """A folder without own series, so that only the shipped ones count."""
    return tmp_path


def own(folder: Path, rows: list[tuple[str, str, str, float]]) -> Path:
    table = pd.DataFrame(rows, columns=["region", "series", "period", "index"])
    table.assign(source="test", certainty="demo").to_csv(folder / "prices.csv", index=False)
    return folder


def rises(places, periods, series, folder) -> list[float]:
    return growth(pd.Series(places), pd.Series(periods), series, folder).tolist()


# --- rises
def test_a_place_has_its_own_series_its_provinces_or_the_nations(tmp_path):
    folder = own(tmp_path, [("370000", "cpi", "2022", 103.0), ("370200", "cpi", "2022", 104.0)])
    places = ["370200", "370100", "110100"]
    assert rises(places, ["2022"] * 3, "cpi", folder) == pytest.approx([0.04, 0.03, 0.02])


def test_the_basket_is_food_and_all_else_at_its_shares(none):
    """Food 10 %, CPI 2 %, food 28.5 % of the CPI and 45 % of the basket: 4.5 + 0.55 · (2 - 2.85) / 0.715 = 3.846 %."""
    found = rises(["990100"], ["2022"], "basket", none)[0]
    assert found == pytest.approx(0.045 + 0.55 * (0.02 - 0.0285) / 0.715)
    level = price_index("990100", 2021, none, "basket")
    assert found == pytest.approx(level[2022] - 1)


def test_ones_own_basket_comes_before_the_one_made_from_food(tmp_path):
    folder = own(tmp_path, [("990100", "basket", "2022", 107.0)])
    assert rises(["990100"], ["2022"], "basket", folder) == pytest.approx([0.07])


def test_a_month_without_an_index_is_missing_and_the_basket_takes_all_else_of_its_year(none):
    assert np.isnan(rises(["990100"], ["2022-06"], "cpi", none)[0])
    found = rises(["990100"], ["2022-06"], "basket", none)[0]
    assert found == pytest.approx(0.45 * 0.14 + 0.55 * (0.02 - 0.0285) / 0.715)


def test_growth_as_a_figure(none):
    found = price_growth(["990100", "990200"], ["2021", "2022"], folder=none)
    rows = found.rows.set_index(["region", "year", "series"])
    assert found.rows["series"].tolist() == ["cpi", "food", "basket"] * 4
    assert rows.loc[("990100", "2022", "food"), "estimate"] == pytest.approx(0.10)
    assert rows.loc[("990200", "2022", "food"), "estimate"] == pytest.approx(0.02)
    assert (rows["se"] == 0).all() and (rows["n"] == 0).all()
    assert (found.base, found.kind, found.unit, found.domains) == ("R", "curve", "ratio", ("region", "year"))
    by_month = price_growth(["990100"], ["2022-04", "2022-05"], series=["food", "cpi"], folder=none)
    assert by_month.domains == ("region", "month")
    assert by_month.rows["estimate"].tolist()[::2] == pytest.approx([0.02, 0.14])
    assert by_month.rows["flag"].tolist() == ["", "empty"] * 2
    assert by_month.table("zh").shape[0] == 4


# --- what standards buy
def test_a_standard_that_rises_with_prices_stays_at_100(none):
    level = price_index("990100", 2018, none, "basket")
    years = list(range(2018, 2026))
    table = pd.DataFrame(
        {
            "standard": np.repeat(["line", "condolence"], 8),
            "region": "990100",
            "year": years * 2,
            "amount": [*(620 * level[year] for year in years), *[1000.0] * 8],
        }
    )
    found = real_standards(table, base=2018, folder=none)
    rows = found.rows.pivot_table(index="year", columns="standard", values="estimate")
    assert rows["line"].to_numpy() == pytest.approx(100.0)
    assert rows["condolence"].to_numpy() == pytest.approx([100 / level[year] for year in years])
    assert (found.unit, found.keys) == ("index", ("standard",))
    assert found.rows["standard"].tolist()[:2] == ["line", "condolence"]


def test_several_regions_are_averaged_each_at_its_own_prices(none):
    level = {place: price_index(place, 2021, none, "basket")[2022] for place in ("990100", "990200")}
    table = pd.DataFrame(
        {"standard": "line", "region": ["990100", "990200"] * 2, "year": [2021, 2021, 2022, 2022], "amount": 600.0}
    )
    found = real_standards(table, base=2021, folder=none).rows["estimate"].tolist()
    assert found == pytest.approx([100.0, 50 / level["990100"] + 50 / level["990200"]])


def test_standards_are_the_line_and_what_was_given(demo, none):
    found = causes_standards(demo.aid, range(2018, 2026), none).set_index(["standard", "region", "year"])
    events, found = found["events"], found["amount"]
    mine = demo.aid[demo.aid["region"].eq("990300") & demo.aid["date"].dt.year.eq(2022)]
    for kind, name in (("living", "living_aid"), ("condolence", "condolence")):
        assert found[name, "990300", 2022] == pytest.approx(mine.loc[mine["kind"].eq(kind), "amount"].mean())
    assert found["line", "990100", 2018] == 620.0 and found["line", "990100", 2025] == 932.0
    real = real_standards(causes_standards(demo.aid, range(2018, 2026), none), base=2018, folder=none)
    given = real.rows.set_index(["standard", "year"])["n"]
    least = min(events["living_aid"].xs(year, level="year").min() for year in (2018, 2022))
    assert given["living_aid", "2022"] == least > 0 and given["line", "2022"] == 0
    rows = real.rows.set_index(["standard", "year"])["estimate"]
    assert rows.xs("2018", level="year").tolist() == [100.0] * 3
    assert rows["line", "2025"] > 130  # +6 % a year against prices of about 1.5 %
    assert rows["condolence", "2025"] < 100  # the amounts were last raised for one year, 2022


def test_a_standard_without_an_amount_in_the_base_year_has_no_value(none):
    table = pd.DataFrame({"standard": "line", "region": "990100", "year": [2019, 2020], "amount": 700.0})
    assert real_standards(table, base=2018, folder=none).rows["flag"].tolist() == ["empty"] * 2
    with pytest.raises(Problem) as error:
        real_standards(pd.concat([table, table]), base=2019, folder=none)
    assert error.value.key == "causes.standard_twice"


# --- months triggered
def test_the_planted_months_are_triggered(none):
    """Food +14 % from May to December 2022 in four cities, nothing else in eight years."""
    table = supplement_months(CITIES, range(2018, 2026), folder=none, rule_folder=RULES)
    triggered = table[table["triggered"] == 1]
    assert sorted(triggered["region"].unique()) == SHOCKED
    assert sorted(triggered["month"].unique()) == [f"2022-{m:02d}" for m in range(5, 13)]
    assert len(triggered) == 4 * 8
    assert set(triggered.loc[triggered["month"] < "2022-08", "rule"]) == {"national_2021"}
    assert set(triggered.loc[triggered["month"] >= "2022-08", "rule"]) == {"national_2022_temporary"}


def test_the_amount_is_the_line_times_the_rise(none):
    table = supplement_months(["990100"], [2022], folder=none, rule_folder=RULES).set_index("month")
    rise = 0.45 * 0.14 + 0.55 * (0.02 - 0.0285) / 0.715
    line = reference.lines(none).query("region == '990100'").set_index("valid_from")["line"]
    assert table.loc["2022-05", "amount"] == pytest.approx(line[pd.Timestamp("2021-07-01")] * rise)
    assert table.loc["2022-07", "amount"] == pytest.approx(line[pd.Timestamp("2022-07-01")] * rise)
    assert table.loc["2022-04", "amount"] == 0
    months = supplement_figures(["990100", "990200"], [2022], folder=none, rule_folder=RULES)
    assert months.rows["estimate"].tolist() == [8.0, 0.0]
    amounts = supplement_figures(["990100"], [2022], "supplement_amount", folder=none, rule_folder=RULES)
    assert amounts.rows["estimate"].item() == pytest.approx(table["amount"].sum())
    assert (months.unit, amounts.unit) == ("number", "yuan/year")


def cpi(folder: Path, **months: float) -> pd.Series:
    """Months triggered by a CPI of one's own, YYYY_MM = index."""
    rows = [("370200", "cpi", name[1:].replace("_", "-"), index) for name, index in months.items()]
    table = supplement_months(
        ["370200"], sorted({int(r[2][:4]) for r in rows}), folder=own(folder, rows), rule_folder=RULES
    )
    return table.set_index("month")["triggered"]


def test_the_trigger_is_that_of_the_rule_of_the_month(tmp_path):
    """3.0 % is enough from August 2022 to February 2023, 3.5 % before and after; exactly that much is enough."""
    found = cpi(
        tmp_path, m2022_07=103.4, m2022_08=103.0, m2022_09=102.9, m2023_02=103.4, m2023_03=103.4, m2023_04=103.5
    )
    assert found[["2022-07", "2022-08", "2022-09", "2023-02", "2023-03", "2023-04"]].tolist() == [0, 1, 0, 1, 0, 1]


def test_a_month_without_any_index_is_not_known(tmp_path):
    found = cpi(tmp_path, m2022_07=103.6)
    assert found["2022-07"] == 1 and found.drop("2022-07").isna().all()
    rows = supplement_figures(["370200"], [2022], folder=tmp_path, rule_folder=RULES).rows
    assert rows["flag"].tolist() == ["empty"]


def test_a_line_and_an_index_of_ones_own_are_taken(tmp_path):
    own(tmp_path, [("990200", "food", "2022-03", 108.0), ("990200", "scpi", "2022-03", 105.0)])
    line = pd.DataFrame(
        {"region": ["990200"], "valid_from": "2022-01-01", "line": "1000", "source": "", "certainty": ""}
    )
    line.to_csv(tmp_path / "lines.csv", index=False)
    table = supplement_months(["990200"], [2022], folder=tmp_path, rule_folder=RULES).set_index("month")
    assert table.loc["2022-03", ["triggered", "growth", "amount"]].tolist() == pytest.approx([1.0, 0.05, 50.0])
    assert table.drop("2022-03")["triggered"].eq(0).all()


def test_before_the_first_rule_nothing_is_known(none):
    table = supplement_months(["990100"], [2015], folder=none, rule_folder=RULES)
    assert table["triggered"].isna().all() and (table["rule"] == "").all()
    amounts = supplement_figures(["990100"], [2015], "supplement_amount", folder=none, rule_folder=RULES)
    assert amounts.rows["flag"].tolist() == ["empty"]


def test_a_local_rule_with_a_lower_trigger_and_a_minimum(tmp_path):
    text = (RULES / "price_supplement_2021.yml").read_text(encoding="utf-8")
    local = text.replace('"000000"', '"990000"').replace("at_least: 6.0", "at_least: 2.0") + "minimum: 30\n"
    (tmp_path / "price_supplement_local.yml").write_text(local, encoding="utf-8")
    table = supplement_months(["990200"], [2022], folder=tmp_path, rule_folder=tmp_path)
    assert (table["triggered"] == 1).all() and (table["amount"] == 30.0).all()  # 738 · 0.2 % is less


def test_a_figure_that_is_none_is_named(none):
    with pytest.raises(Problem, match="supplement_amount"):
        supplement_figures(["990100"], [2022], "supplement_cost", folder=none, rule_folder=RULES)


# --- whom it misses, and what it would cost
def test_loss_and_cover_by_hand(none):
    sample = pd.DataFrame(
        {
            "region": ["990100", "990100", "990200", "990100"],
            "year": 2022,
            "income": [800.0, 800.0, 800.0, np.nan],
            "frame": ["on_file", "on_file", "on_file", "other"],
            "dibao_received": [0.0, 1.0, np.nan, 0.0],
        }
    )
    found = with_supplement(sample, folder=none, rule_folder=RULES)
    rise = 0.45 * 0.14 + 0.55 * (0.02 - 0.0285) / 0.715
    assert found["price_loss"].tolist()[:3] == pytest.approx([8 * 800 * rise / (1 + rise)] * 2 + [0.0])
    assert found["supplement_missed"].tolist()[:2] == [1.0, 0.0]
    assert found["supplement_missed"].isna().tolist() == [False, False, True, True]
    assert np.isnan(found["price_loss"][3])
    text = (RULES / "price_supplement_2021.yml").read_text(encoding="utf-8").replace("[dibao, ", "[")
    (none / "price_supplement.yml").write_text(text, encoding="utf-8")
    uncovered = with_supplement(sample, folder=none, rule_folder=none)["supplement_missed"]
    assert uncovered.tolist()[:2] == [1.0, 1.0]
    assert unit_of(found, "price_loss") == "yuan/year"


def test_a_dossier_is_paid_for_the_months_at_whose_end_it_is_open(none):
    sample = pd.DataFrame(
        {
            "region": "990100",
            "members": [1.0, 3.0, 1.0, 1.0],
            "opened": pd.to_datetime(["2020-01-01", "2020-01-01", "2022-11-30", "2023-01-01"]),
            "closed": pd.to_datetime([None, "2022-06-15", None, None]),
        }
    )
    amount = supplement_months(["990100"], [2022], folder=none, rule_folder=RULES).set_index("month")["amount"]
    found = supplement_due(sample, [2022], folder=none, rule_folder=RULES)["supplement_due"]
    assert found.tolist() == pytest.approx([amount.sum(), 3 * amount["2022-05"], amount["2022-11":].sum(), 0.0])


def test_the_demonstration_has_losses_only_where_prices_rose(demo, none):
    design = demo.design()
    made = with_supplement(demo.panel[demo.panel["year"] == 2022], folder=none, rule_folder=RULES)
    missed = within(made, made["supplement_missed"].eq(1))
    rows = mean(missed, design, "price_loss", by="region", df="domain").rows.set_index("region")["estimate"]
    assert sorted(rows[rows > 0].index) == SHOCKED
    share = proportion(within(made, made["frame"].eq("on_file")), design, "supplement_missed").rows
    assert 0.7 < share["estimate"].item() < 0.95  # 55 % of those below the line say that they receive dibao
    due = supplement_due(demo.dossiers, [2021, 2022], folder=none, rule_folder=RULES)
    cost = total(due, Design.census(), "supplement_due", by=["year", "region"]).rows
    paid = cost[cost["estimate"] > 0]
    assert set(paid["year"]) == {"2022"} and sorted(paid["region"]) == SHOCKED
    amounts = supplement_figures(SHOCKED, [2022], "supplement_amount", folder=none, rule_folder=RULES).rows
    whole = demo.dossiers.query("opened < '2022-05-01' and not (closed < '2023-01-01')")
    least = whole[whole["region"].eq("990100")]["members"].sum() * amounts["estimate"][0]
    assert paid.set_index("region").loc["990100", "estimate"] >= least > 0


def test_notes_headings_and_labels_stand_in_both_languages():
    for key in ("causes_prices", "causes_real_standards", "causes_supplement"):
        assert method(key, "zh") and method(key, "en")
    for name in ("price_growth", "real_standard", "supplement_months", "supplement_missed", "price_loss", "series"):
        assert heading(name, "zh") != name and heading(name, "en") != name
    assert label("series", "basket", "zh") == "困难家庭篮子" and label("standard", "line", "en") == "Dibao line"
