"""Persistent hardship: by hand, laws, edges, errors."""

from functools import partial

import numpy as np
import pandas as pd
import pytest

from aidlib.estimate import Design, change, mean
from aidlib.poverty import persistent
from aidlib.reference import Problem, method

NAMES = {"unit": "id", "time": "year", "state": "poor"}


def panel(*histories: str, **columns) -> pd.DataFrame:
    """One history a unit, a sign a wave: 1, 0, ? missing, . not there."""
    rows = [
        {"id": unit, "year": 2021 + wave, "poor": np.nan if sign == "?" else float(sign)}
        | {name: values[unit] for name, values in columns.items()}
        for unit, history in enumerate(histories)
        for wave, sign in enumerate(history)
        if sign != "."
    ]
    return pd.DataFrame(rows)


# --- by hand
def test_the_share_by_hand():
    sample = panel("1101", "1011", "0011", "1110", "1111", weight=[1.0, 2, 3, 4, 5])
    row = persistent(sample, Design("weight", psu="id"), **NAMES).rows.iloc[0]
    assert row["estimate"] == pytest.approx((1 + 2 + 5) / 15)
    assert (row["n"], row["count"], row["psus"]) == (5, 3, 5)


def test_only_the_three_waves_before_count():
    sample = panel("110011", "111111")
    assert persistent(sample, None, **NAMES).rows["estimate"].item() == 0.5
    assert persistent(sample, None, **NAMES, at=2024).rows["estimate"].item() == 0.5  # 1100 is not poor then


def test_waves_need_not_follow_each_other():
    sample = panel("1111", "0101").assign(
        year=lambda s: s["year"].map({2021: 2015, 2022: 2018, 2023: 2019, 2024: 2025})
    )
    assert persistent(sample, None, **NAMES).rows["estimate"].item() == 0.5


# --- laws
def test_it_is_the_mean_of_a_flag_of_the_last_wave():
    rng = np.random.default_rng(7)
    states = rng.random((120, 4)) < 0.5
    histories = ["".join("1" if s else "0" for s in row) for row in states]
    sample = panel(*histories, cluster=(np.arange(120) // 6).tolist(), weight=rng.uniform(1, 3, 120).tolist())
    design = Design("weight", psu="cluster")
    found = persistent(sample, design, **NAMES)
    lasting = states[:, 3] & (states[:, :3].sum(axis=1) >= 2)
    flag = sample[sample["year"] == 2024].assign(lasting=lasting.astype(float))
    wanted = mean(flag, design, "lasting").rows.iloc[0]
    assert found.rows.loc[0, ["estimate", "se", "df", "n"]].tolist() == pytest.approx(
        wanted[["estimate", "se", "df", "n"]].tolist()
    )
    shuffled = persistent(sample.sample(frac=1, random_state=1), design, **NAMES).rows
    assert found.rows["estimate"].item() == pytest.approx(shuffled["estimate"].item())


def test_its_change_counts_the_same_clusters():
    rng = np.random.default_rng(8)
    histories = ["".join("1" if s else "0" for s in row) for row in rng.random((60, 5)) < 0.6]
    sample = panel(*histories, cluster=(np.arange(60) // 3).tolist())
    earlier = sample[sample["year"] <= 2024]
    found = change(earlier, sample, Design(psu="cluster"), partial(persistent, **NAMES)).rows.iloc[0]
    values = [persistent(s, None, **NAMES).rows["estimate"].item() for s in (earlier, sample)]
    assert found["estimate"] == pytest.approx(values[1] - values[0])
    assert found["se"] > 0


# --- edges
def test_whoever_was_not_seen_every_time_is_left_out():
    sample = panel("1111", ".111", "1?11", "111?", "0000")
    row = persistent(sample, None, **NAMES).rows.iloc[0]
    assert (row["n"], row["estimate"]) == (2, 0.5)


def test_nobody_and_everybody():
    assert persistent(panel("0000", "1110"), None, **NAMES).rows["estimate"].item() == 0
    assert persistent(panel("1111", "1101"), None, **NAMES).rows["estimate"].item() == 1
    for nothing_known in (panel("????", "????"), panel("111", "101"), panel("1111", "0000").head(0)):
        empty = persistent(nothing_known, None, **NAMES).rows
        assert (empty["n"].item(), empty["flag"].item()) == (0, "empty")


def test_domains_are_those_of_the_last_wave():
    sample = panel("1111", "0000", kind=["a", "b"])
    sample.loc[(sample["id"] == 0) & (sample["year"] < 2024), "kind"] = "b"
    rows = persistent(sample, None, **NAMES, by="kind").rows.set_index("kind")
    assert rows["estimate"].to_dict() == {"a": 1, "b": 0}


# --- errors
@pytest.mark.parametrize(
    ("sample", "options", "key"),
    [
        (panel("1111"), {"at": 2030}, "poverty.no_wave"),
        (panel("1111").assign(poor=2.0), {}, "estimate.not_binary"),
        (panel("1111").assign(id=1, year=[1, 1, 2, 3]), {}, "poverty.twice"),
        (panel("1111").drop(columns="year"), {}, "estimate.no_column"),
        (panel("1111"), {"interval": "log"}, "estimate.option"),
    ],
)
def test_wrong_panels_and_options_are_refused(sample, options, key):
    with pytest.raises(Problem) as error:
        persistent(sample, Design(lonely_psu="certainty"), **NAMES, **options)
    assert error.value.key == key


def test_it_has_a_note_in_both_languages():
    key = persistent(panel("1111", "0000"), None, **NAMES).method
    assert method(key, "zh") != method(key, "en")
