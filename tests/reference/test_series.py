"""Price levels and the basket of households in hardship."""

import pandas as pd
import pytest

from aidlib import reference


def test_the_basket_weighs_food_more_than_the_cpi_does(tmp_path):
    rows = [("990000", series, year, index) for series, index in (("cpi", 102), ("food", 106)) for year in (2021, 2022)]
    own = pd.DataFrame(rows, columns=["region", "series", "period", "index"]).assign(source="test", certainty="test")
    own.to_csv(tmp_path / "prices.csv", index=False)
    other = (102 - 0.285 * 106) / (1 - 0.285)
    level = reference.price_index("990000", 2021, tmp_path, "basket")
    assert level[2022] == pytest.approx((0.45 * 106 + 0.55 * other) / 100)


def test_a_basket_series_of_ones_own_comes_before(tmp_path):
    own = pd.DataFrame({"region": "990000", "series": "basket", "period": [2021, 2022], "index": 110.0})
    own.assign(source="test", certainty="test").to_csv(tmp_path / "prices.csv", index=False)
    assert reference.price_index("990000", 2021, tmp_path, "basket")[2022] == pytest.approx(1.1)


def test_shares_of_food_say_how_sure_they_are():
    assert set(reference.baskets()["certainty"]) == {"assumed", "derived"}


def test_a_series_that_nobody_has_is_an_error():
    with pytest.raises(KeyError):
        reference.price_index("990000", 1950, series="cpi")
