"""Results for a report on many places: nothing where the cases are too few, and every other problem told."""

import pandas as pd
import pytest

from aidlib import relapse
from aidlib.reference import Problem
from aidlib.reference.messages import _texts
from aidlib.relapse.estimable import TOO_FEW

STILL_THERE = pd.DataFrame({"years": [1.0, 2, 3], "left": [0, 0, 0]})


def test_too_few_cases_are_a_result_without_a_value():
    found = relapse.if_estimable(relapse.survival_curve, STILL_THERE, None, duration="years", event="left")
    assert found.rows[["n", "flag"]].values.tolist() == [[0.0, "empty"]]
    assert found.rows["estimate"].isna().all()


def test_a_result_is_handed_on():
    sample = STILL_THERE.assign(left=[1, 0, 1])
    found = relapse.if_estimable(relapse.survival_curve, sample, None, duration="years", event="left")
    assert found.rows.equals(relapse.survival_curve(sample, None, duration="years", event="left").rows)


def test_a_column_that_is_not_there_is_told():
    with pytest.raises(Problem, match="gone"):
        relapse.if_estimable(relapse.survival_curve, STILL_THERE, None, duration="years", event="gone")


def test_every_key_is_a_message():
    assert set(_texts("messages.yml")) >= TOO_FEW
