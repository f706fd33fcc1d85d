"""Spells from waves: by hand, against a plain walk through each history, laws, edges, errors."""

from itertools import groupby

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aidlib.reference import Problem
from aidlib.relapse import spells

NAN = float("nan")


def panel(*histories: str, first: int = 2018) -> pd.DataFrame:
    """One history a household (a, b, …), a sign a wave: 1, 0, ? no state, . not there."""
    rows = [
        {"household_id": chr(97 + home), "year": first + wave, "in_hardship": NAN if sign == "?" else float(sign)}
        for home, history in enumerate(histories)
        for wave, sign in enumerate(history)
        if sign != "."
    ]
    return pd.DataFrame(rows)


def ends(**reasons: tuple[float, str]) -> pd.DataFrame:
    rows = [{"household_id": home, "time": time, "reason": reason} for home, (time, reason) in reasons.items()]
    return pd.DataFrame(rows)


def told(found: pd.DataFrame) -> list[tuple]:
    return list(found[["household_id", "spell", "start", "end", "length", "exit"]].itertuples(index=False, name=None))


def same(found: list[tuple], wanted: list[tuple]) -> bool:
    return len(found) == len(wanted) and all(
        a == b or (a != a and b != b)
        for one, other in zip(found, wanted, strict=True)
        for a, b in zip(one, other, strict=True)
    )


# --- by hand
def test_entry_exit_and_return_by_hand():
    found = spells(panel("0110010", "0000000", "1111111", "1000001"))
    assert same(
        told(found),
        [
            ("a", 1, 2019, 2021, 2, "economic"),
            ("a", 2, 2023, 2024, 1, "economic"),
            ("c", 1, 2018, NAN, 6, ""),
            ("d", 1, 2018, 2019, 1, "economic"),
            ("d", 2, 2024, NAN, 0, ""),
        ],
    )
    assert found["left_censored"].tolist() == [False, False, True, True, False]
    assert found["right_censored"].tolist() == [False, False, True, False, True]
    assert not found[["gap", "lost"]].any(axis=None)


def test_the_true_dates_lie_after_the_waves_before_them():
    found = spells(panel("0110"))
    assert found[["start_after", "start", "end_after", "end"]].iloc[0].tolist() == [2018, 2019, 2020, 2021]
    assert np.isnan(spells(panel("110"))["start_after"].item())


def test_an_exit_may_need_two_waves_out():
    found = spells(panel("0111011", "0011001", "0001110"), exit_after=2)
    assert same(
        told(found),
        [
            ("a", 1, 2019, NAN, 4, ""),  # in until 2024, but an exit of 2024 could not have been confirmed
            ("b", 1, 2020, 2022, 2, "economic"),
            ("b", 2, 2024, NAN, 0, ""),
            ("c", 1, 2021, NAN, 2, ""),  # out in 2024: not yet an exit
        ],
    )
    assert found["end_after"].tolist() == [2024, 2021, 2024, 2023]
    assert found["left_censored"].tolist() == [True, False, False, False]  # one wave out is no known entry


def test_one_missing_wave_is_bridged_between_equal_states():
    found = spells(panel("011.110", "01?0000", "01.1000"))
    assert same(
        told(found),
        [
            ("a", 1, 2019, 2024, 5, "economic"),
            ("b", 1, 2019, 2021, 2, "economic"),
            ("c", 1, 2019, 2022, 3, "economic"),
        ],
    )
    assert found["gap"].tolist() == [True, True, True]
    assert found["end_after"].tolist() == [2023, 2019, 2021]  # b left in 2020 or 2021


def test_a_longer_gap_breaks_certainty():
    found = spells(panel("011..10", "01..000", "0000000"))
    assert same(
        told(found),
        [("a", 1, 2019, NAN, 1, ""), ("a", 2, 2023, 2024, 1, "economic"), ("b", 1, 2019, NAN, 0, "")],
    )
    assert found["left_censored"].tolist() == [False, True, False]
    assert found["gap"].all()
    assert not found["lost"].any()  # b was seen again
    assert same(told(spells(panel("011..10"), gap=2)), [("a", 1, 2019, 2024, 5, "economic")])
    assert len(spells(panel("01.10", "00000"), gap=0)) == 2


def test_whoever_is_not_seen_again_is_lost_not_gone():
    found = spells(panel("011....", "0110...", "0000000"))
    assert found["lost"].tolist() == [True, False]
    assert found["exit"].tolist() == ["", "economic"]
    assert found["right_censored"].tolist() == [True, False]


def test_reasons_compete():
    sample = panel("0110000", "011....", "0111111", "01.....", "0110000")
    found = spells(
        sample, ends=ends(a=(2021, "supported"), b=(2021, "death"), d=(2020, "lost"), e=(2023, "administrative"))
    )
    assert same(
        told(found),
        [
            ("a", 1, 2019, 2021, 2, "supported"),
            ("b", 1, 2019, 2021, 2, "death"),
            ("c", 1, 2019, NAN, 5, ""),
            ("d", 1, 2019, NAN, 0, ""),  # lost is a censoring
            ("e", 1, 2019, 2021, 2, "economic"),  # what came after the exit did not end the spell
        ],
    )
    assert found["lost"].tolist() == [False, False, False, True, False]
    assert found["right_censored"].tolist() == [False, False, True, True, False]


def test_an_end_between_waves_is_found_at_the_next_and_one_after_the_last_keeps_its_time():
    sample = panel("01..", "0111")
    found = spells(sample, ends=ends(a=(2019.5, "death"), b=(2022, "death")))
    assert same(told(found), [("a", 1, 2019, 2020, 1, "death"), ("b", 1, 2019, 2022, 3, "death")])


def test_columns_of_the_first_wave_can_be_kept():
    sample = panel("0110010").assign(grade=list("abcdefg"))
    assert spells(sample, keep=["grade"])["grade"].tolist() == ["b", "f"]


# --- against a plain walk through each history
def plain(history: str, exit_after: int, gap: int) -> list[tuple]:
    """start, end, length, left- and right-censored of one household, wave by wave."""
    seen = [(wave, sign == "1") for wave, sign in enumerate(history) if sign in "01"]
    parts: list[list] = []
    for wave, state in seen:
        if parts and wave - parts[-1][-1][0] <= gap + 1:
            parts[-1].append((wave, state))
        else:
            parts.append([(wave, state)])
    found = []
    for part in parts:
        runs = [
            [state, run[0][0], run[-1][0]] for state, run in ((s, list(r)) for s, r in groupby(part, lambda x: x[1]))
        ]
        joined: list[list] = []
        for number, run in enumerate(runs):
            short = not run[0] and 0 < number < len(runs) - 1 and run[2] - run[1] + 1 < exit_after
            if joined and (short or (run[0] and joined[-1][0])):
                joined[-1][2] = run[2]
            else:
                joined.append(list(run))
        for number, (state, start, last) in enumerate(joined):
            if not state:
                continue
            before = joined[number - 1] if number else None
            after = joined[number + 1] if number + 1 < len(joined) else None
            known = before is not None and before[2] - before[1] + 1 >= exit_after
            ended = after is not None and after[2] - after[1] + 1 >= exit_after
            censored = max(start, min(last, part[-1][0] - exit_after + 1))
            end = after[1] if ended else NAN
            found.append((start, end, (end if ended else censored) - start, not known, not ended))
    return found


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.text("0011.?", min_size=1, max_size=9), min_size=1, max_size=6),
    st.integers(1, 3),
    st.integers(0, 2),
)
def test_it_is_what_a_plain_walk_finds(histories, exit_after, gap):
    histories = [*histories, "0" * 9]  # so that every wave is one of the panel
    found = spells(panel(*histories, first=0).sample(frac=1, random_state=1), exit_after=exit_after, gap=gap)
    columns = ["start", "end", "length", "left_censored", "right_censored"]
    for home, history in enumerate(histories):
        mine = found.loc[found["household_id"] == chr(97 + home), columns]
        assert same(list(mine.itertuples(index=False, name=None)), plain(history, exit_after, gap))


# --- laws
@settings(max_examples=60, deadline=None)
@given(st.lists(st.text("01", min_size=8, max_size=8), min_size=1, max_size=8))
def test_without_gaps_the_waves_in_spells_are_the_waves_in_the_state(histories):
    sample = panel(*histories)
    found = spells(sample)
    waves = found["end"].fillna(2026) - found["start"]
    assert waves.sum() == sample["in_hardship"].sum()
    assert (found["start"] <= found["end_after"]).all()
    assert (found["end_after"] < found["end"].fillna(np.inf)).all()
    stricter = spells(sample, exit_after=2)
    assert len(stricter) <= len(found)
    assert stricter["exit"].ne("").sum() <= found["exit"].ne("").sum()


def test_the_panel_stays_as_it_was():
    sample = panel("0110", "11.1")
    before = sample.copy()
    spells(sample, exit_after=2, ends=ends(b=(2022, "death")))
    pd.testing.assert_frame_equal(sample, before)


# --- edges
def test_nobody_in_hardship_gives_an_empty_table_of_the_same_columns():
    for sample in (panel("000"), panel("???"), panel("1").head(0)):
        found = spells(sample, ends=ends(a=(2019, "death")).head(0), keep=["year"])
        assert len(found) == 0
        assert list(found) == list(spells(panel("1"), keep=["year"]))


def test_households_may_be_categories_and_states_nullable_flags():
    sample = panel("0110", "01?1")
    odd = sample.assign(household_id=sample["household_id"].astype("category"),
                        in_hardship=sample["in_hardship"].astype("Int64").astype("boolean"))  # fmt: skip
    assert same(told(spells(odd)), told(spells(sample)))


def test_flags_and_uneven_waves_are_fine():
    sample = panel("0111").assign(year=[2010, 2015, 2018, 2020], in_hardship=[False, True, True, False])
    assert same(told(spells(sample)), [("a", 1, 2015, 2020, 5, "economic")])


# --- errors
GOOD = panel("0110", "0111")


@pytest.mark.parametrize(
    ("sample", "options", "key"),
    [
        (GOOD.drop(columns="year"), {}, "estimate.no_column"),
        (pd.concat([GOOD, GOOD.head(1)]), {}, "relapse.twice"),
        (GOOD.assign(in_hardship=2.0), {}, "relapse.state"),
        (GOOD.assign(household_id=None), {}, "relapse.missing"),
        (GOOD.assign(year=NAN), {}, "relapse.missing"),
        (GOOD.assign(year=pd.Timestamp("2020-01-01")), {}, "estimate.not_numeric"),
        (GOOD, {"exit_after": 0}, "estimate.option"),
        (GOOD, {"gap": -1}, "estimate.option"),
        (GOOD, {"ends": ends(a=(2021, "married"))}, "relapse.reason"),
        (GOOD, {"ends": ends(a=(NAN, "death"))}, "relapse.missing"),
        (GOOD, {"ends": pd.concat([ends(a=(2021, "death"))] * 2)}, "relapse.twice"),
        (GOOD, {"ends": ends(b=(2020, "death"))}, "relapse.after_death"),
        (GOOD, {"ends": ends(b=(2020, "administrative"))}, "relapse.end_inside"),
        (GOOD, {"keep": ["grade"]}, "estimate.no_column"),
        (GOOD, {"keep": ["household_id"]}, "estimate.reserved"),
    ],
)
def test_wrong_panels_and_ends_are_refused(sample, options, key):
    with pytest.raises(Problem) as error:
        spells(sample, **options)
    assert error.value.key == key
    assert error.value.text("zh") != error.value.text("en")
