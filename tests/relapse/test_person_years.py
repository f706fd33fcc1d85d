"""Person-years: by hand, against a plain search, on planted hazards, laws, errors."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from aidlib import survey
from aidlib.estimate import proportion
from aidlib.reference import Problem
from aidlib.relapse import dossier_spells, person_years, register_years

NAN = float("nan")
REGISTER = Path(__file__).parents[2] / "data"


def spells(*rows: tuple) -> pd.DataFrame:
    """Spells: household, start, end or None, exit."""
    table = pd.DataFrame(rows, columns=["household_id", "start", "end", "exit"])
    table = table.assign(start=pd.to_datetime(table["start"]), end=pd.to_datetime(table["end"]))
    return table.assign(spell=table.groupby("household_id").cumcount() + 1)


def interviews(*rows: tuple, **columns) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["household_id", "interview_date"]).assign(**columns)
    return table.assign(interview_date=pd.to_datetime(table["interview_date"]))


ONE = spells(
    ("a", "2019-05-01", "2021-06-01", "economic"),
    ("a", "2024-04-01", None, ""),
    ("b", "2019-05-01", "2020-06-01", "death"),
)


# --- by hand
def test_position_year_and_event_by_hand():
    days = [
        "2019-04-30",
        "2019-05-01",
        "2019-10-01",
        "2020-05-01",
        "2020-10-01",
        "2021-06-01",
        "2022-10-01",
        "2023-10-01",
    ]
    found = person_years(interviews(*[("a", day) for day in days]), ONE, until="2024-12-31")
    assert found["position"].tolist() == ["", *["on_file"] * 4, *["left"] * 3]
    assert found["k"].fillna(0).tolist() == [0, 1, 1, 2, 2, 1, 2, 3]
    assert found["event"].tolist() == ["", "", "", "", "economic", "", "", "return"]
    assert found["spell"].fillna(0).tolist() == [0, 1, 1, 1, 1, 1, 1, 1]
    assert found["since"].dt.year.fillna(0).tolist() == [0, 2019, 2019, 2019, 2019, 2021, 2021, 2021]
    assert found["event_date"].dropna().astype(str).tolist() == ["2021-06-01", "2024-04-01"]
    assert (found["stop"] - found["start"]).dropna().eq(1).all()
    assert found["observed"].tolist() == [False, *[True] * 7]


def test_only_an_economic_exit_is_followed():
    found = person_years(
        interviews(("b", "2019-10-01"), ("b", "2020-10-01"), ("c", "2020-10-01")), ONE, until="2024-12-31"
    )
    assert found["position"].tolist() == ["on_file", "", ""]
    assert found["event"].tolist() == ["death", "", ""]


def test_a_year_is_observed_only_when_it_is_over():
    seen = interviews(("a", "2023-12-31"), ("a", "2024-01-01"))
    found = person_years(seen, ONE, until="2024-12-31")
    assert found["observed"].tolist() == [True, False]
    assert found["event"].tolist() == ["return", "return"]


def test_twelve_months_end_on_the_same_day():
    found = person_years(interviews(("a", "2020-06-01"), ("a", "2020-05-31")), ONE, until="2024-12-31")
    assert found["event"].tolist() == ["economic", ""]
    leap = spells(("a", "2016-02-29", None, ""))
    found = person_years(
        interviews(("a", "2017-02-28"), ("a", "2017-03-01"), ("a", "2020-02-29")), leap, until="2024-12-31"
    )
    assert found["k"].tolist() == [1, 2, 5]


def test_rows_and_their_order_stay():
    seen = interviews(("b", "2019-10-01"), ("a", None), ("a", "2019-10-01"), weight=[1.0, 2, 3]).set_axis([7, 3, 5])
    found = person_years(seen, ONE.sample(frac=1, random_state=2), until="2024-12-31")
    assert found.index.tolist() == [7, 3, 5]
    assert found["weight"].tolist() == [1, 2, 3]
    assert found["position"].tolist() == ["on_file", "", "on_file"]


def test_nothing_known_and_nobody_asked():
    assert person_years(interviews(("a", "2020-01-01")), ONE.head(0), until="2024-12-31")["position"].tolist() == [""]
    assert len(person_years(interviews(("a", "2020-01-01")).head(0), ONE, until="2024-12-31")) == 0


# --- against a plain search
def test_it_is_what_a_plain_search_finds():
    rng = np.random.default_rng(5)
    rows = []
    for home in range(120):
        days = np.sort(rng.choice(3000, size=2 * rng.integers(0, 4), replace=False))
        for one, other in zip(days[::2], days[1::2], strict=True):
            reason = rng.choice(["economic", "economic", "death", "administrative"])
            rows.append((f"h{home}", pd.Timestamp("2015-01-01") + pd.Timedelta(days=int(one)),
                         pd.Timestamp("2015-01-01") + pd.Timedelta(days=int(other)), reason))  # fmt: skip
    history = spells(*rows)
    history.loc[history.groupby("household_id")["start"].idxmax().iloc[::2], ["end", "exit"]] = [pd.NaT, ""]
    homes = [f"h{rng.integers(125)}" for _ in range(500)]
    days = pd.Timestamp("2014-06-01") + pd.to_timedelta(rng.integers(0, 3500, 500), unit="D")
    found = person_years(pd.DataFrame({"household_id": homes, "interview_date": days}), history, until="2022-01-01")
    for row in found.itertuples():
        mine = history[(history["household_id"] == row.household_id)]
        before = mine[mine["start"] <= row.interview_date]
        later = mine[mine["start"] > row.interview_date]
        year_on = row.interview_date + pd.DateOffset(years=1)
        position, event = "", ""
        if len(before):
            last = before.iloc[-1]
            if not last["end"] <= row.interview_date:
                position, event = "on_file", last["exit"] if last["end"] <= year_on else ""
            elif last["exit"] == "economic":
                position = "left"
                event = "return" if len(later) and later["start"].min() <= year_on else ""
        assert (row.position, row.event) == (position, event)


# --- on planted hazards
def yearly(found: pd.DataFrame, position: str, event: str) -> tuple[pd.Series, pd.Series]:
    """Share with the event, and rows, by year up to 5 and more."""
    mine = found[found["observed"] & found["position"].eq(position)]
    by = mine["event"].eq(event).groupby(mine["k"].clip(upper=5))
    return by.mean(), by.size()


def in_the_register(store: Path) -> pd.DataFrame:
    surveys = survey.load("2025", "990000", store=store)
    history = dossier_spells(surveys.dossiers, since="2015-01-01", until="2025-12-31")
    return register_years(history, [f"{year}-12-01" for year in range(2018, 2025)], until="2025-12-31")


def test_the_small_register_shows_the_planted_shares(demo_store):
    truth = json.loads((demo_store.parent / "raw.truth.json").read_text())["dynamics"]["yearly"]
    shares, rows = yearly(in_the_register(demo_store), "on_file", "economic")
    for k in range(1, 6):
        assert shares[k] == pytest.approx(truth["exit"][str(k)], abs=4 / rows[k])  # a few rows cannot be read


def test_interviews_show_what_the_register_shows(demo_store):
    surveys = survey.load("2025", "990000", store=demo_store)
    history = dossier_spells(surveys.dossiers, until="2025-12-31")
    found = person_years(surveys.panel, history, until="2025-12-31")
    mine = found[found["frame"].isin(["on_file", "left"])]
    assert mine["position"].eq(mine["frame"]).mean() > 0.995  # a new number's household is on file once it is filed
    assert found.loc[found["frame"].isin(["near_line", "other"]), "position"].eq("").all()
    every = found[found["observed"] & found["position"].eq("on_file")]
    assert every["event"].isin(["", "economic", "supported", "death", "administrative"]).all()
    assert (every.loc[every["event"].eq("supported"), "k"] >= 5).all()  # planted so


@pytest.mark.slow
@pytest.mark.skipif(not (REGISTER / "raw.truth.json").exists(), reason="the default demonstration store is not here")
def test_the_default_register_shows_the_planted_shares():
    truth = json.loads((REGISTER / "raw.truth.json").read_text())
    found = in_the_register(REGISTER / "store")
    never = dict(zip(sorted(found["region"].unique()), truth["parameters"]["reform_f"], strict=True))
    for position, event, name, rows in (
        ("on_file", "economic", "exit", found),
        ("left", "return", "return", found[found["region"].map(never).eq(0)]),
    ):
        shares, sizes = yearly(rows, position, event)
        for k in range(1, 6):
            assert shares[k] == pytest.approx(truth["dynamics"]["yearly"][name][str(k)], abs=max(0.001, 3 / sizes[k]))


@pytest.mark.slow
@pytest.mark.skipif(not (REGISTER / "raw.truth.json").exists(), reason="the default demonstration store is not here")
def test_the_default_survey_shows_the_planted_shares_within_its_errors():
    truth = json.loads((REGISTER / "raw.truth.json").read_text())["dynamics"]["yearly"]["exit"]
    surveys = survey.load("2025", "990000", store=REGISTER / "store")
    found = person_years(surveys.panel, dossier_spells(surveys.dossiers, until="2025-12-31"), until="2025-12-31")
    risk = found["observed"] & found["position"].eq("on_file")
    found = found.assign(
        left=found["event"].eq("economic").astype(float).where(risk), year_on_file=found["k"].clip(upper=5)
    )
    rows = proportion(found, surveys.design(), "left", by="year_on_file").rows.set_index("year_on_file")
    for k, share in truth.items():
        assert abs(rows.loc[k, "estimate"] - share) < 3 * rows.loc[k, "se"]
        assert rows.loc[k, "se"] < 0.02


# --- errors
@pytest.mark.parametrize(
    ("history", "key"),
    [
        (spells(("a", "2020-01-02", "2020-01-01", "economic")), "relapse.backwards"),
        (spells(("a", "2020-01-01", "2022-01-01", "economic"), ("a", "2021-01-01", None, "")), "relapse.overlap"),
        (spells(("a", None, None, "")), "relapse.missing"),
        (ONE.drop(columns="exit"), "estimate.no_column"),
        (ONE.assign(start=2020), "relapse.not_dates"),
        (ONE.assign(exit=None), "relapse.missing"),
    ],
)
def test_wrong_spells_are_refused(history, key):
    with pytest.raises(Problem) as error:
        person_years(interviews(("a", "2020-01-01")), history, until="2024-12-31")
    assert error.value.key == key
