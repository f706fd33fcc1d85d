"""Weights of a panel that loses households: by hand, and what a load does with them."""

import numpy as np
import pandas as pd
import pytest

from aidlib import survey
from aidlib.store import Store
from aidlib.survey.attrition import attrition_weights
from tests.survey.test_derive import household


def panel(homes: int = 200, lost: float = 0.5) -> pd.DataFrame:
    """Two waves of one city, half of the homes poor; of the rich ones the share ``lost`` answers no more in 2025."""
    index = np.arange(homes)
    rich = index % 2 == 1
    gone = rich & (index < homes * lost)
    waves = [
        pd.DataFrame({"household_id": index.astype(str), "year": year, "region": "990100", "weight": 10.0,
                      "frame": "other", "members": 2.0, "income": np.nan,
                      "response": np.where(gone & (year == 2025), "moved", "complete"),
                      "income_year": np.where(gone & (year == 2025), np.nan, np.where(rich, 90_000.0, 9_000))})
        for year in (2024, 2025)
    ]  # fmt: skip
    return pd.concat(waves, ignore_index=True)


def test_those_who_stay_stand_for_those_like_them_who_left():
    visits = panel()
    weight = attrition_weights(visits)
    now = visits["year"].eq(2025) & visits["response"].eq("complete")
    rich = visits["income_year"] > 10_000
    assert weight[visits["year"] == 2024].eq(10).all()
    assert weight[now].sum() == pytest.approx(10 * now.sum())
    assert weight[now & rich].sum() == pytest.approx(weight[now & ~rich].sum())  # as in the first wave
    assert weight[visits["response"] == "moved"].eq(10).all()  # response rates keep the delivered weights


def test_a_single_wave_and_a_source_without_weights_stay_as_they_are():
    once = panel()[lambda d: d["year"] == 2024]
    assert attrition_weights(once).eq(10).all()
    assert attrition_weights(panel().assign(weight=np.nan)).isna().all()


@pytest.mark.parametrize("asked", [True, False])
def test_a_load_repairs_weights_where_the_source_asks_for_it(tmp_path, asked):
    homes = pd.DataFrame([{**household(), **row} for row in panel().to_dict(orient="records")])
    with Store(tmp_path / "store").addition(source="test", demo=False, correct_attrition=asked) as addition:
        addition.write("households", homes)
        addition.commit(files=[], account=pd.DataFrame(), checks=pd.DataFrame(columns=["check", "region", "rows"]))
    found = survey.load("2025", "990100", tmp_path / "store")
    assert found.households["weight"].nunique() == (2 if asked else 1)
    assert found.households["weight"].sum() == pytest.approx(1500)
