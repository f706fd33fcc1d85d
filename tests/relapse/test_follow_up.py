"""Follow-up: visits, coverage, first visit, return by visit: by hand, laws, edges, planted truth, errors."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from aidlib import demo as made
from aidlib import intake, relapse, survey
from aidlib.estimate import Design, Estimates, compare
from aidlib.reference import Problem, heading, label, method

ROOT = Path(__file__).parents[2]


def aid(*rows: tuple, **columns) -> pd.DataFrame:
    """(household, day) of condolences at the festival."""
    found = pd.DataFrame(rows, columns=["household_id", "date"]).assign(kind="condolence", occasion="spring_festival")
    return found.assign(date=pd.to_datetime(found["date"]), **columns)


def files(*rows: tuple) -> pd.DataFrame:
    """(household, opened, closed, reason)."""
    found = pd.DataFrame(rows, columns=["household_id", "opened", "closed", "close_reason"])
    found["dossier_id"] = [f"D{number}" for number in range(len(found))]
    found = found.assign(opened=pd.to_datetime(found["opened"]), closed=pd.to_datetime(found["closed"]))
    return found.assign(region="990100", county="990101", recorded_grade="relative", previous_dossier_id=None)


REGISTER = files(
    ("a", "2020-05-01", None, None),
    ("b", "2019-05-01", "2024-03-01", "economic"),
    ("c", "2019-05-01", "2022-12-31", "economic"),  # left more than 24 months ago
    ("d", "2019-05-01", "2024-04-01", "death"),
    ("e", "2019-05-01", "2021-04-01", "economic"),
    ("e", "2024-06-01", None, None),  # back on file
    ("f", "2025-01-01", None, None),  # opened later
    ("g", "2022-01-01", "2025-02-01", "economic"),  # closed later
)


# --- by hand
def test_payments_on_near_days_are_one_visit_on_the_first_of_them():
    paid = aid(("b", "2024-01-20"), ("a", "2024-02-03"), ("a", "2024-01-20"), ("a", "2024-01-20"), ("a", "2024-02-18"))
    found = relapse.visits(paid)
    assert found["household_id"].tolist() == ["a", "a", "b"]
    assert found["date"].dt.strftime("%m-%d").tolist() == ["01-20", "02-18", "01-20"]


def test_only_condolences_at_the_door_are_visits():
    paid = aid(*[("a", f"202{year}-01-20") for year in range(5)])
    paid["kind"] = ["condolence", "living", "condolence", "condolence", "condolence"]
    paid["occasion"] = ["none", "none", "summer_cool", None, "spring_festival"]
    assert relapse.visits(paid)["date"].dt.year.tolist() == [2020, 2023, 2024]


def test_the_caseload_is_what_the_register_knew_that_day():
    found = relapse.caseload(REGISTER, "2024-12-31").set_index("household_id")
    assert found["position"].to_dict() == {"a": "on_file", "b": "left", "e": "on_file", "g": "on_file"}
    assert found.loc["e", ["dossier_id", "since"]].tolist() == ["D5", pd.Timestamp("2024-06-01")]
    assert "c" in set(relapse.caseload(REGISTER, "2024-12-30")["household_id"])
    assert "c" in set(relapse.caseload(REGISTER, "2024-12-31", left=None)["household_id"])


def test_coverage_by_hand():
    paid = aid(("a", "2024-01-20"), ("b", "2023-12-31"), ("b", "2024-02-20"), ("e", "2025-01-10"), ("x", "2024-05-01"))
    options = {"on": "2024-12-31", "by": "position"}
    rows = relapse.visited(REGISTER, paid, **options).rows.set_index("position")
    assert rows["estimate"].to_dict() == {"on_file": 1 / 3, "left": 1.0, "all": 0.5}
    assert rows["count"].tolist() == [1, 1, 2]
    again = relapse.visits_per_household(REGISTER, paid, **options).rows
    assert again["estimate"].tolist() == [1 / 3, 1.0, 0.5]  # the visit of 31 December 2023 lies 12 months back
    earlier = relapse.visits_per_household(REGISTER, paid, on="2024-12-30", by=None).rows
    assert earlier["estimate"].item() == 3 / 5


def test_first_visits_by_hand():
    left = relapse.register_exits(REGISTER, until="2025-12-31")
    assert left["household_id"].tolist() == ["b", "c", "e", "g"]
    paid = aid(("b", "2024-03-01"), ("b", "2025-01-20"), ("c", "2020-01-01"), ("e", "2024-12-01"))
    found = relapse.first_visits(left, relapse.visits(paid), until="2025-12-31", since="2021-01-01")
    days = {"b": 325, "c": 1096, "e": 1157, "g": 333}
    assert (
        found.set_index("household_id")["duration"].to_dict() == days
    )  # a visit on the day of the exit is not after it
    assert found["event"].tolist() == ["visit", "", "return", ""]


def test_the_curve_of_first_visits_by_hand():
    waits = pd.DataFrame({"duration": [100.0, 150, 182, 200], "event": ["visit", "return", "visit", ""]})
    found = relapse.first_visit(waits, Design.census(), by=None, days=[0, 100, 182, 200])
    assert (found.kind, found.base, found.keys) == ("curve", "X", ("time",))
    assert found.rows["estimate"].tolist() == [0, 0.25, 0.5, 0.5]
    assert found.rows["count"].tolist() == [0, 1, 2, 2]
    pd.testing.assert_frame_equal(found.rows, found.from_json(found.to_json()).rows)
    with pytest.raises(Problem) as caught:
        relapse.first_visit(waits.assign(event=["return", "return", "", ""]), None, by=None)
    assert caught.value.key == "relapse.nobody_visited"


def test_exits_before_the_first_known_visit_are_left_out():
    left = relapse.register_exits(REGISTER, until="2025-12-31")
    seen = relapse.visits(aid(("b", "2024-01-20")))
    assert relapse.first_visits(left, seen, until="2025-12-31")["household_id"].tolist() == ["b", "g"]
    assert relapse.first_visits(left, seen.head(0), until="2025-12-31").empty


def test_landmarks_by_hand():
    register = files(
        ("early", "2019-01-01", "2020-01-01", "economic"),
        ("early", "2020-06-30", None, None),  # back before the landmark
        ("late", "2019-01-01", "2020-01-01", "economic"),
        ("late", "2021-06-30", None, None),
        ("never", "2019-01-01", "2020-01-01", "economic"),
        ("recent", "2019-01-01", "2021-02-01", "economic"),
    )
    paid = aid(("early", "2020-02-01"), ("late", "2020-07-01"), ("never", "2020-07-02"), ("recent", "2021-03-01"))
    left = relapse.register_exits(register, until="2022-06-30")
    found = relapse.landmarks(left, relapse.visits(paid), until="2022-06-30", since="2020-01-01")
    found = found.set_index("household_id")
    assert found["visited"].to_dict() == {"early": 1, "late": 1, "never": 0, "recent": 1}
    assert found["returned"].fillna(-1).to_dict() == {"early": -1, "late": 1, "never": 0, "recent": -1}


def test_returns_of_interviewed_households_by_hand():
    years = pd.DataFrame(
        {"position": ["left", "left", "left", "on_file", ""], "event": ["return", "", "", "economic", ""]}
    )
    years = years.assign(observed=[True, True, False, True, False], visited=[1, 0, 1, 1, 1])
    found = relapse.interview_landmarks(years)["returned"]
    assert found.fillna(-1).tolist() == [1, 0, -1, -1, -1]


# --- laws
@pytest.mark.parametrize("seed", range(5))
def test_the_diary_agrees_with_a_plain_search(seed):
    rng = np.random.default_rng(seed)
    days = pd.to_datetime(rng.integers(-900, 900, 60) + rng.integers(0, 2, 60) * 4000, unit="D")
    seen = relapse.visits(aid(*zip(rng.choice(list("abcdef"), 60), days, strict=True)))
    diary = relapse.follow_up.Diary.of(seen)
    asked = pd.Series(rng.choice(list("abcdefgh"), 200))
    after = rng.integers(-1000, 5000, 200)
    until = after + rng.integers(0, 800, 200)
    lists = {name: rows.to_numpy("datetime64[D]").astype(int) for name, rows in seen.groupby("household_id")["date"]}
    own = [lists.get(name, np.zeros(0)) for name in asked]
    many = [int(((a < days) & (days <= u)).sum()) for days, a, u in zip(own, after, until, strict=True)]
    first = [min(days[days > a], default=np.nan) for days, a in zip(own, after, strict=True)]
    last = [max(days[days <= u], default=np.nan) for days, u in zip(own, until, strict=True)]
    assert diary.count(asked, after, until).tolist() == many
    np.testing.assert_array_equal(diary.first(asked, after), first)
    np.testing.assert_array_equal(diary.last(asked, until), last)


def test_the_order_of_rows_does_not_matter():
    paid = aid(("a", "2024-01-20"), ("b", "2024-01-20"), ("a", "2024-01-25"), ("e", "2024-08-20"))
    plain = relapse.visited(REGISTER, paid, on="2024-12-31", by=["region", "position"]).rows
    mixed = (table.sample(frac=1, random_state=3) for table in (REGISTER, paid))
    pd.testing.assert_frame_equal(relapse.visited(*mixed, on="2024-12-31", by=["region", "position"]).rows, plain)


def test_the_input_stays_as_it_was():
    paid = aid(("a", "2024-01-20"), ("a", "2024-01-25"))
    copies = REGISTER.copy(), paid.copy()
    relapse.visited(REGISTER, paid, on="2024-12-31")
    relapse.landmarks(relapse.register_exits(REGISTER, until="2024-12-31"), relapse.visits(paid), until="2024-12-31")
    pd.testing.assert_frame_equal(REGISTER, copies[0])
    pd.testing.assert_frame_equal(paid, copies[1])


def test_staying_out_long_enough_to_be_visited_is_no_effect():
    """Visits at random times that do nothing: who was visited before the return seems safe, but not by landmark."""
    rng = np.random.default_rng(11)
    size = 20_000
    day = pd.Timestamp("2020-01-01")
    back, seen = (day + pd.to_timedelta(np.ceil(rng.exponential(mean, size)), unit="D") for mean in (900, 400))
    names = pd.Series(np.arange(size).astype("str"), dtype="str")
    exits = pd.DataFrame({"household_id": names, "exit_date": day, "return_date": back})
    met = relapse.visits(aid(*zip(names, seen, strict=True)))
    rows = relapse.landmarks(exits, met, until="2030-01-01", since="2020-01-01")
    assert rows["returned"].isna().equals(exits["return_date"] <= pd.Timestamp("2020-07-01"))
    fair = compare(relapse.return_visited(rows, None, by=None), of="visited", against="0").rows
    assert abs(fair["estimate"].item()) < 2.5 * fair["se"].item()
    naive = rows.assign(visited=(seen < back).astype(float), returned=(back <= "2021-07-01").astype(float))
    assert compare(relapse.return_visited(naive, None, by=None), of="visited", against="0").rows["high"].item() < -0.2


# --- planted truth
# year from which follow-up visits were reformed, by city
REFORM = {"990100": 2020, "990400": 2020, "990800": 2020, "990200": 2021, "990700": 2021, "991000": 2021,
          "990500": 2022, "991100": 2022}  # fmt: skip


@pytest.fixture(scope="module")
def demo(demo_store) -> survey.Survey:
    return survey.load("2025", "990000", demo_store)


def test_condolences_entered_twice_count_once(demo):
    paid = demo.aid[demo.aid["kind"] == "condolence"]
    assert paid.duplicated(["household_id", "date"]).any()  # 1.5 % are planted twice
    found = relapse.visits(demo.aid)
    assert len(found) == len(paid.drop_duplicates(["household_id", "date"]))


def test_the_register_tells_of_the_visits_that_the_survey_finds(demo):
    """Of households that were on file, or left within two years, before the festival."""
    seen = relapse.follow_up.Diary.of(relapse.visits(demo.aid))
    same = []
    for year, asked in demo.panel[demo.panel["visited"].notna()].groupby("year"):
        known = relapse.caseload(demo.dossiers, f"{year - 1}-12-31")
        asked = asked[asked["household_id"].isin(known["household_id"])]
        day = asked["interview_date"].to_numpy("datetime64[D]").astype(int)
        same.append((seen.count(asked["household_id"], day - 365, day) > 0) == asked["visited"])
    assert pd.concat(same).mean() > 0.95


def test_coverage_is_as_planted(demo):
    rows = relapse.visited(demo.dossiers, demo.aid, on="2025-03-09", by=["recorded_grade", "position"]).rows
    rows = rows.set_index(["recorded_grade", "position"])
    assert rows["se"].eq(0).all()
    total = rows.loc[("all", "all")]
    assert total["estimate"] == total["count"] / total["n"]
    assert 0.75 < rows.loc[("all", "on_file"), "estimate"] < 0.95  # 0.92, 0.85 and 0.70 by grade
    assert 0.3 < rows.loc[("all", "left"), "estimate"] < 0.75  # without and with the reform


def test_those_who_left_are_visited_sooner_under_the_reform(demo):
    """Files close from March to August and visits follow from January on: in a year 0.75 are seen, 0.3 elsewhere."""
    left = relapse.register_exits(demo.dossiers, until="2025-12-31")
    begun = left["exit_date"].dt.year >= left["region"].map(REFORM).fillna(9999)
    waits = relapse.first_visits(left.assign(reform=begun), relapse.visits(demo.aid), until="2025-12-31")
    found = relapse.first_visit(waits, Design.census(), by="reform", days=[120, 365]).rows
    share = found.set_index(["reform", "time"])["estimate"]
    assert (share["0", "120"], share["1", "120"]) == (0, 0)
    assert share["1", "365"] > share["0", "365"] + 0.2


def test_interviews_of_households_that_had_left_are_compared(demo):
    found, sample = by_visit(demo)
    assert found.base == "X"
    assert found.rows["n"].sum() == sample["returned"].notna().sum()
    assert set(sample.loc[sample["returned"].notna(), "position"]) == {"left"}
    assert len(sample) == len(demo.panel)  # every row stays in the design


@pytest.mark.slow
def test_visitors_choose_risky_households(tmp_path):
    """Planted: where there is no reform a visit does nothing, yet those visited return more often."""
    made.write(tmp_path / "raw", households=4000)
    intake.import_files([tmp_path / "raw"], source="demo", store=tmp_path / "store", project=ROOT)
    found, _ = by_visit(survey.load("2025", "990000", tmp_path / "store"))
    usual = compare(found, of="visited", against="0").rows.set_index("reform").loc["no"]
    assert usual["low"] > 0


def by_visit(found: survey.Survey) -> tuple[Estimates, pd.DataFrame]:
    """Return by visit, in cities before and after their reform; and the interviews compared."""
    spells = relapse.dossier_spells(found.dossiers, until="2025-12-31")
    years = relapse.person_years(found.panel, spells, until="2025-12-31")
    begun = years["year"] >= years["region"].map(REFORM).fillna(9999)
    sample = relapse.interview_landmarks(years).assign(reform=begun.map({True: "yes", False: "no"}))
    return relapse.return_visited(sample, found.design(), by="reform"), sample


# --- edges
def test_nobody_visited_and_no_aid_at_all():
    rows = relapse.visited(REGISTER, aid(("x", "2024-01-01")).head(0), on="2024-12-31", by=None).rows
    assert (rows["estimate"].item(), rows["n"].item()) == (0.0, 4.0)
    nobody = relapse.visited(REGISTER.head(0), aid(("x", "2024-01-01")), on="2024-12-31", by="recorded_grade").rows
    assert nobody["n"].sum() == 0


def test_a_file_without_a_closing_column_filled_is_on_file():
    register = files(("a", "2020-05-01", None, None)).assign(closed=np.nan)
    assert relapse.caseload(register, "2024-12-31")["position"].tolist() == ["on_file"]


# --- errors
@pytest.mark.parametrize("lost", ["kind", "occasion", "date", "household_id"])
def test_a_column_that_is_not_there_is_named(lost):
    with pytest.raises(Problem, match=lost):
        relapse.visits(aid(("a", "2024-01-20")).drop(columns=lost))


def test_dates_as_text_are_refused():
    with pytest.raises(Problem, match="date"):
        relapse.visits(aid(("a", "2024-01-20")).assign(date="2024-01-20"))


def test_numbers_have_notes_and_names_in_both_languages():
    paid = aid(("a", "2024-01-20"))
    sample = pd.DataFrame({"visited": [0.0, 1.0], "returned": [0.0, 1.0], "risk_band": ["high", "low"]})
    results = [
        relapse.visited(REGISTER, paid, on="2024-12-31"),
        relapse.visits_per_household(REGISTER, paid, on="2024-12-31"),
        relapse.return_visited(sample, Design.census()),
        relapse.first_visit(sample.assign(duration=[1, 2], event="visit"), Design.census(), by=None),
    ]
    for found in results:
        assert method(found.method, "zh") != method(found.method, "en")
        for name in [*found.domains, found.rows["measure"].iloc[0]]:
            assert heading(name, "zh") != heading(name, "en"), name
    assert label("risk_band", "high", "zh") == "高"
    assert label("position", "left", "en") == "Left hardship"
    assert "warn" not in method("relapse_return_visited", "en")
    assert "no effect" in method("relapse_return_visited", "en")
