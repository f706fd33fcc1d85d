"""What is known at an economic exit: by hand, what must not be used, the planted survey, errors."""

import pandas as pd
import pytest

from aidlib import survey
from aidlib.reference import Problem
from aidlib.relapse import dossier_spells, known_at_exit


def interviews(*rows: tuple, **columns) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["household_id", "interview_date"]).assign(**columns)
    return table.assign(interview_date=pd.to_datetime(table["interview_date"]))


def decided(*rows: tuple) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["household_id", "decided_on", "net_income"])
    return table.assign(decided_on=pd.to_datetime(table["decided_on"]), kind="exit", result="approved", region="990100")


LINES = pd.DataFrame(
    {"region": "990100", "valid_from": pd.to_datetime(["2018-07-01", "2020-07-01"]), "line": [500.0, 600.0]}
)
FILES = pd.DataFrame(
    {
        "household_id": ["a", "a", "a", "b"],
        "opened": pd.to_datetime(["2017-05-01", "2020-05-01", "2022-08-01", "2018-05-01"]),
        "closed": pd.to_datetime(["2019-06-01", "2021-06-01", None, "2020-05-01"]),
        "close_reason": ["economic", "economic", None, "death"],
        "region": "990100",
    }
)
DECISIONS = decided(("a", "2019-06-01", 1500.0), ("a", "2021-04-01", 1320.0), ("a", "2021-06-02", 9999.0))
SEEN = interviews(
    ("a", "2018-10-01"), ("a", "2019-06-01"), ("a", "2019-06-02"), ("a", "2021-10-01"), weight=[1.0, 2, 3, 4]
)


def at_exit(**options) -> pd.DataFrame:
    history = dossier_spells(FILES, until="2024-01-01")
    return known_at_exit(history, SEEN, DECISIONS, until="2024-01-01", lines=LINES, known=["weight"], **options)


# --- by hand
def test_what_was_known_at_exit_by_hand():
    found = at_exit()
    assert found["household_id"].tolist() == ["a", "a"]
    assert found["exit_year"].tolist() == [2019, 2021]
    assert found["weight"].tolist() == [2, 3]  # the interview of the exit's day counts, those after it do not
    assert found["interview_age"].tolist() == [0, 730]
    assert found["exit_ratio"].tolist() == pytest.approx([1.5, 1.1])
    assert found["earlier_spells"].tolist() == [0, 1]
    assert found["earlier_years"].tolist() == pytest.approx([0, 761 / 365.25])
    assert found["returned_before"].tolist() == [0, 1]


def test_the_outcome_is_missing_until_its_time_is_over():
    found = at_exit()
    assert found["returned"].tolist() == [1, 1]
    assert found["returned_1y"].tolist() == [1, 0]
    assert found["returned_3y"].fillna(-1).tolist() == [1, -1]  # back already, but others of that day are not yet told
    assert found["away"].tolist() == pytest.approx([335 / 365.25, 426 / 365.25])


# --- laws
def test_nothing_of_after_the_exit_is_used():
    later = interviews(("a", "2021-06-02"), weight=[-1.0])
    history = dossier_spells(FILES, until="2024-01-01")
    more = known_at_exit(
        history, pd.concat([SEEN, later]), DECISIONS, until="2024-01-01", lines=LINES, known=["weight"]
    )
    pd.testing.assert_frame_equal(more, at_exit())
    changed = FILES.assign(opened=FILES["opened"].mask(FILES["opened"].dt.year.eq(2022), pd.Timestamp("2023-01-01")))
    history = dossier_spells(changed, until="2024-01-01")
    moved = known_at_exit(history, SEEN, DECISIONS, until="2024-01-01", lines=LINES, known=["weight"])
    outcome = ["return_date", "away", "returned", "returned_1y", "returned_3y"]
    pd.testing.assert_frame_equal(moved.drop(columns=outcome), at_exit().drop(columns=outcome))


def test_exits_before_the_register_begins_are_left_out():
    history = dossier_spells(FILES, since="2020-01-01", until="2024-01-01")
    found = known_at_exit(history, SEEN, DECISIONS, until="2024-01-01", lines=LINES, known=["weight"])
    assert found["exit_year"].tolist() == [2021]


# --- on the planted survey
def test_exits_of_the_planted_survey(demo_store):
    surveys = survey.load("2025", "990000", store=demo_store)
    history = dossier_spells(surveys.dossiers, since="2018-01-01", until="2025-12-31")
    found = known_at_exit(history, surveys.panel, surveys.decisions, until="2025-12-31")
    assert len(found) == (history["exit"].eq("economic") & (history["end"] > "2018-01-01")).sum()
    assert (found["interviewed"].dropna() <= found.loc[found["interviewed"].notna(), "exit_date"]).all()
    assert found["exit_ratio"].notna().mean() > 0.95
    assert found["exit_ratio"].median() == pytest.approx(1.55, abs=0.15)
    assert found.loc[found["returned_3y"].notna(), "exit_date"].max() <= pd.Timestamp("2022-12-31")
    assert found.loc[found["returned_1y"].eq(1), "returned_3y"].dropna().eq(1).all()


# --- edges and errors
def test_a_line_that_is_not_known_leaves_no_ratio():
    history = dossier_spells(FILES, until="2024-01-01")
    found = known_at_exit(history, SEEN, DECISIONS, until="2024-01-01", lines=LINES.assign(region="990200"), known=[])
    assert found["exit_income"].notna().all()
    assert found["exit_ratio"].isna().all()


def test_an_old_or_refused_decision_says_nothing():
    history = dossier_spells(FILES, until="2024-01-01")
    for decisions in (DECISIONS.assign(result="rejected"), DECISIONS.assign(kind="review"), DECISIONS.tail(1)):
        found = known_at_exit(history, SEEN, decisions, until="2024-01-01", lines=LINES, known=[])
        assert found["exit_ratio"].isna().all()
    old = DECISIONS.head(1).assign(decided_on=DECISIONS["decided_on"] - pd.Timedelta(days=91))
    assert known_at_exit(history, SEEN, old, until="2024-01-01", lines=LINES, known=[])["exit_ratio"].isna().all()


def test_nobody_left():
    history = dossier_spells(FILES.assign(close_reason=FILES["close_reason"].replace("economic", "death")))
    assert len(known_at_exit(history, SEEN, DECISIONS, until="2024-01-01", lines=LINES, known=["weight"])) == 0


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"spells": FILES}, "estimate.no_column"),
        ({"decisions": DECISIONS.drop(columns="kind")}, "estimate.no_column"),
        ({"decisions": DECISIONS.assign(decided_on=2020)}, "relapse.not_dates"),
        ({"interviews": SEEN.assign(household_id=None)}, "relapse.missing"),
        ({"known": ["wealth"]}, "estimate.no_column"),
    ],
)
def test_wrong_tables_are_refused(changes, key):
    tables = {"spells": dossier_spells(FILES), "interviews": SEEN, "decisions": DECISIONS, "known": ["weight"]}
    with pytest.raises(Problem) as error:
        known_at_exit(**(tables | changes), until="2024-01-01", lines=LINES)
    assert error.value.key == key
