"""Who is due: bands, intervals, order and capacity by hand; monitoring without a look ahead; laws, edges, errors."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from aidlib import relapse, survey
from aidlib.reference import Problem, label, method
from aidlib.relapse import VisitRule
from tests.relapse.leavers import DESIGN, PREDICTORS, leavers
from tests.relapse.test_follow_up import aid, files

DAY = "2024-12-31"
REGISTER = files(
    ("deep", "2020-05-01", None, None),
    ("other", "2020-05-01", None, None),
    ("risky", "2019-05-01", "2023-03-01", "economic"),
    ("safe", "2019-05-01", "2023-03-01", "economic"),
    ("poor", "2019-05-01", "2023-03-01", "economic"),
    ("blank", "2019-05-01", "2023-03-01", "economic"),
    ("long", "2010-05-01", "2021-03-01", "economic"),
)
REGISTER["recorded_grade"] = ["deep", *["relative"] * 6]
RISK = pd.DataFrame(
    {
        "household_id": ["risky", "safe", "poor", "deep"],
        "risk": [0.25, 0.04, np.nan, 0.01],
        "exit_ratio": [3, 1, 1.1, 1],
    }
)
NOBODY = aid(("x", "2000-01-01"))


def cases(paid: pd.DataFrame = NOBODY, **options) -> pd.DataFrame:
    return relapse.due_cases(REGISTER, paid, on=DAY, risk=RISK, **options).set_index("household_id")


# --- by hand
def test_bands_follow_risk_then_ratio_then_grade():
    found = cases()["risk_band"]
    expected = {"deep": "high", "other": "middle", "risky": "high", "safe": "low", "poor": "high", "blank": "middle"}
    assert found.to_dict() == expected


@pytest.mark.parametrize(
    ("risk", "ratio", "band"),
    [(0.0999, 0.5, "low"), (0.10, 3, "middle"), (0.1999, 3, "middle"), (0.2, 3, "high"), (1.0, 3, "high"),
     (None, 1.1999, "high"), (None, 1.2, "middle"), (None, 1.8, "middle"), (None, 1.81, "low"), (None, None, "middle")],
)  # fmt: skip
def test_the_bands_begin_where_the_rule_says(risk, ratio, band):
    table = pd.DataFrame({"risk": [risk], "exit_ratio": [ratio]}, dtype="float64")
    assert relapse.visit_bands(table).tolist() == [band]


def test_the_cuts_of_a_model_serve_as_bands():
    table = pd.DataFrame({"risk": [0.01, 0.03, 0.07]})
    assert relapse.visit_bands(table, VisitRule(risks=(0.02, 0.05))).tolist() == ["low", "middle", "high"]


def test_a_risk_model_of_a_year_gives_its_bands():
    model = relapse.RiskModel(predictors=PREDICTORS, kind="logit")
    fitted = model.fit(leavers(1500, 3), DESIGN)
    assert VisitRule.of(fitted) == replace(VisitRule(), risks=fitted.cuts)
    exits = leavers(200, 4)
    bands = relapse.visit_bands(exits.assign(risk=fitted.predict(exits)), VisitRule.of(fitted))
    assert bands.tolist() == fitted.bands(exits).tolist()
    with pytest.raises(Problem) as caught:
        VisitRule.of(replace(fitted, model=replace(model, horizon=3)))
    assert caught.value.key == "relapse.visit_horizon"


def test_the_last_contact_is_the_latest_of_all_kinds_that_were_known():
    register = REGISTER.assign(recertified=pd.to_datetime(["2024-10-01", "2025-03-01", *[None] * 5]))
    paid = aid(("risky", "2024-02-01"), ("risky", "2025-01-20"), ("safe", "2022-01-20"))
    found = relapse.due_cases(register, paid, on=DAY).set_index("household_id")
    contact = found["last_contact"].dt.strftime("%Y-%m-%d").to_dict()
    assert contact == {
        "deep": "2024-10-01",  # re-certified
        "other": "2020-05-01",  # opened; the re-certification came later
        "risky": "2024-02-01",  # visited, before the list
        "safe": "2023-03-01",  # the exit; the visit was before it
        "poor": "2023-03-01",
        "blank": "2023-03-01",
    }
    assert found.loc["deep", "days"] == 91


def test_due_and_overdue_begin_a_day_after_their_limits():
    contact = {"a": 180, "b": 181, "c": 270, "d": 271}
    register = files(*[(name, "2015-01-01", None, None) for name in contact]).assign(recorded_grade="deep")
    day = pd.Timestamp(DAY)
    paid = aid(*[(name, day - pd.Timedelta(days=days)) for name, days in contact.items()])
    found = relapse.due_cases(register, paid, on=DAY).set_index("household_id")
    assert found["due"].to_dict() == {"a": 0, "b": 1, "c": 1, "d": 1}
    assert found["overdue"].to_dict() == {"a": 0, "b": 0, "c": 0, "d": 1}
    assert found["due_lately"].tolist() == [0, 1, 1, 0]


def test_priority_is_risk_times_months():
    found = cases()
    months = found["days"] / (365.25 / 12)
    share = (found["priority"] / months).round(9)
    assert share.to_dict() == {"deep": 0.2, "other": 0.1, "risky": 0.25, "safe": 0.04, "poor": 0.2, "blank": 0.1}


def test_the_list_takes_the_first_of_the_due_by_priority():
    everyone = relapse.due_cases(REGISTER, NOBODY, on=DAY, risk=RISK)
    assert relapse.visit_list(everyone)["household_id"].tolist() == ["deep", "other", "risky", "poor", "blank", "safe"]
    assert relapse.visit_list(everyone, 2)["household_id"].tolist() == ["deep", "other"]
    seen = relapse.due_cases(REGISTER, aid(("deep", "2024-12-01")), on=DAY, risk=RISK)
    assert relapse.visit_list(seen, 1)["household_id"].tolist() == ["other"]
    assert relapse.visit_list(everyone, 0).empty


def test_counts_by_hand():
    paid = aid(("other", "2024-12-01"), ("poor", "2024-05-01"))
    found = relapse.due(relapse.due_cases(REGISTER, paid, on=DAY, risk=RISK), by="risk_band")
    rows = found.rows.set_index(["risk_band", "component"])["estimate"]
    assert rows["low"].to_dict() == {"due": 1, "overdue": 1, "due_lately": 0}
    assert rows["middle"].to_dict() == {"due": 1, "overdue": 1, "due_lately": 0}
    assert rows["high"].to_dict() == {"due": 3, "overdue": 2, "due_lately": 1}
    assert rows["all"].to_dict() == {"due": 5, "overdue": 4, "due_lately": 1}
    assert found.rows.loc[found.rows["risk_band"] == "all", "n"].eq(6).all()


def test_hits_by_hand():
    back = {"risky": "2025-05-01", "safe": "2025-06-01", "long": "2025-12-31", "blank": "2026-01-01"}
    register = pd.concat([REGISTER, files(*[(name, day, None, None) for name, day in back.items()])])
    options = {"on": DAY, "until": "2025-12-31", "risk": RISK}
    found = relapse.monitor(register, NOBODY, capacity=4, by=None, **options).rows.set_index("figure")
    # listed: deep and other, both on file and so not counted, risky, poor; left: these two, safe, blank, long
    assert found["estimate"].to_dict() == {"precision": 1 / 2, "recall": 1 / 3, "base_rate": 3 / 5}
    assert found["n"].tolist() == [2, 3, 5]
    assert found["count"].tolist() == [1, 1, 3]
    bands = relapse.monitor(register, NOBODY, capacity=4, **options).rows.set_index(["risk_band", "figure"])
    assert bands.loc[("high", "precision"), "estimate"] == 0.5
    assert bands.loc[("low", "recall"), "estimate"] == 0.0
    assert bands.loc[("low", "precision"), "flag"] == "empty"


# --- laws
def test_margins_add_up():
    found = relapse.due(relapse.due_cases(REGISTER, NOBODY, on=DAY, risk=RISK))
    for total, parts in found.margins:
        assert found.rows["estimate"][total] == found.rows["estimate"][list(parts)].sum()
    assert any(found.rows["component"][total] == "due" and len(parts) == 2 for total, parts in found.margins)


def test_what_comes_after_the_day_changes_nothing():
    later = files(("deep", "2025-02-01", None, None), ("new", "2025-01-01", None, None))
    register = pd.concat([REGISTER.assign(closed=REGISTER["closed"].fillna(pd.Timestamp("2025-01-05"))), later])
    register["recertified"] = pd.Timestamp("2025-06-01")
    paid = pd.concat([NOBODY, aid(("deep", "2025-01-01"), ("safe", "2025-01-20"))])
    found = relapse.due_cases(register, paid, on=DAY, risk=RISK)
    plain = relapse.due_cases(REGISTER, NOBODY, on=DAY, risk=RISK)
    columns = ["household_id", "position", "since", "last_contact", "risk_band", "priority", "due", "overdue"]
    pd.testing.assert_frame_equal(found[columns], plain[columns])


def test_a_longer_wait_never_lowers_the_place():
    rng = np.random.default_rng(5)
    names = [f"h{i:02d}" for i in range(40)]
    register = files(*[(name, "2015-01-01", "2023-06-01", "economic") for name in names])
    days = pd.Timestamp(DAY) - pd.to_timedelta(rng.integers(1, 900, 40), unit="D")
    risk = pd.DataFrame({"household_id": names, "risk": 0.2})
    found = relapse.visit_list(relapse.due_cases(register, aid(*zip(names, days, strict=True)), on=DAY, risk=risk))
    assert found["days"].is_monotonic_decreasing
    assert (found["days"] > 180).all()


def test_everyone_listed_and_everyone_returned():
    register = files(*[(name, "2015-01-01", "2023-06-01", "economic") for name in "abc"])
    back = files(*[(name, "2025-03-01", None, None) for name in "abc"])
    rows = relapse.monitor(pd.concat([register, back]), NOBODY, on=DAY, until="2025-12-31", capacity=9, by=None).rows
    assert rows["estimate"].tolist() == [1, 1, 1]


def test_of_several_exits_the_last_one_by_then_counts():
    register = pd.concat([REGISTER, files(("again", "2010-01-01", "2015-01-01", "economic"),
                                          ("again", "2018-01-01", "2023-01-01", "economic"))])  # fmt: skip
    told = pd.DataFrame({"household_id": "again", "exit_ratio": [1.5, 2.5, 1.0]})
    told["exit_date"] = pd.to_datetime(["2015-01-01", "2023-01-01", "2025-01-01"])
    for table in (told, told.iloc[::-1]):
        found = relapse.due_cases(register, NOBODY, on=DAY, risk=table).set_index("household_id")
        assert found.loc["again", "risk_band"] == "low"


# --- on the demonstration
def test_a_plan_takes_the_risk_of_a_model_or_the_rule(demo_store):
    found = survey.load("2025", "990000", demo_store)
    tables = found.dossiers, found.aid, found.panel, found.decisions
    by_rule = relapse.plan_visits(*tables, on="2025-12-31", capacity=30)
    assert len(by_rule) == 30
    assert by_rule["due"].eq(1).all()
    fitted = relapse.RiskModel(predictors=PREDICTORS, kind="logit").fit(leavers(1500, 3), DESIGN)
    by_model = relapse.plan_visits(*tables, on="2025-12-31", capacity=30, fitted=fitted)
    assert by_model["priority"].is_monotonic_decreasing
    assert set(by_model["household_id"]) != set(by_rule["household_id"])


def test_the_list_of_last_year_can_be_monitored(demo_store):
    found = survey.load("2025", "990000", demo_store)
    options = {"on": "2024-12-31", "until": "2025-12-31", "capacity": 60}
    rows = relapse.monitor(found.dossiers, found.aid, **options, by=None).rows.set_index("figure")
    left = relapse.caseload(found.dossiers, "2024-12-31", left=None).query("position == 'left'")
    assert rows.loc["base_rate", "n"] == len(left)
    moved = survey.flow(found.dossiers, 2025).rows.set_index("component")["estimate"]
    assert rows.loc["base_rate", "count"] <= moved["returned"]  # some left and came back within the year
    assert 0 <= rows.loc["recall", "estimate"] <= 1


# --- edges
def test_nobody_to_be_looked_after():
    nobody = relapse.due_cases(REGISTER.head(0), NOBODY, on=DAY)
    assert relapse.visit_list(nobody, 5).empty
    assert relapse.due(nobody, by="risk_band").rows["n"].sum() == 0


def test_exits_longer_ago_than_the_rule_looks_back_are_not_due():
    assert "long" not in cases().index
    assert "long" in cases(rule=replace(VisitRule(), years=5)).index


# --- errors
@pytest.mark.parametrize("risk", [1.2, -0.1])
def test_a_risk_that_is_no_probability_is_refused(risk):
    with pytest.raises(Problem) as caught:
        relapse.due_cases(REGISTER, NOBODY, on=DAY, risk=RISK.assign(risk=risk))
    assert caught.value.key == "relapse.risk_range"
    assert "household" not in caught.value.text("en").lower()


def test_a_household_with_two_risks_is_refused():
    with pytest.raises(Problem) as caught:
        relapse.due_cases(REGISTER, NOBODY, on=DAY, risk=pd.concat([RISK, RISK]))
    assert (caught.value.key, caught.value.values["rows"]) == ("relapse.risk_twice", 4)


def test_a_list_whose_outcome_is_not_known_yet_is_refused():
    with pytest.raises(Problem) as caught:
        relapse.monitor(REGISTER, NOBODY, on=DAY, until="2025-12-30", capacity=4)
    assert caught.value.key == "relapse.follow_up_short"
    assert "2024-12-31" in caught.value.text("zh")


def test_a_negative_capacity_is_refused():
    with pytest.raises(Problem) as caught:
        relapse.visit_list(relapse.due_cases(REGISTER, NOBODY, on=DAY), -1)
    assert caught.value.key == "relapse.capacity"


def test_numbers_have_notes_and_names_in_both_languages():
    found = relapse.due(relapse.due_cases(REGISTER, NOBODY, on=DAY))
    hits = relapse.monitor(REGISTER, NOBODY, on="2023-12-31", until="2024-12-31", capacity=2)
    for key in (found.method, hits.method):
        assert method(key, "zh") != method(key, "en")
    for each, column in ((found, "component"), (hits, "figure"), (found, "risk_band")):
        for value in each.rows[column].unique():
            assert label(column, value, "zh") != label(column, value, "en")
    assert "no official rule" in method("relapse_due", "en")
