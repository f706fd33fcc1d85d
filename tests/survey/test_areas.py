"""Tests of what the chapters on change and on regions take from a survey."""

from dataclasses import replace

import numpy as np
import pandas as pd

from aidlib import estimate, survey
from aidlib.survey import Survey
from tests.survey.test_counts import FILES

PANEL = pd.DataFrame(
    {
        "household_id": ["a", "b", "a", "b", "a", "b"],
        "year": [2023, 2023, 2024, 2024, 2025, 2025],
        "region": ["990100", "990200"] * 3,
        "weight": [10.0, 20.0] * 3,
        "income": [1.0, 2, 3, 4, 5, 6],
    }
)


def of(panel: pd.DataFrame, dossiers: pd.DataFrame) -> Survey:
    tables = dict.fromkeys(["members", "aid", "decisions", "account", "checks"], pd.DataFrame())
    return Survey(
        "2024", "990000", households=panel, panel=panel, visits=panel, dossiers=dossiers, manifest={}, **tables
    )


# by hand
def test_register_figures_by_hand():
    found = survey.register_figures(FILES.assign(members=[1.0, 2, 3, 4, 5]), 2024)
    value = found.rows.set_index(["region", "figure"])["estimate"]
    assert value["990100", "on_file"] == 2 and value["990100", "on_file_persons"] == 4
    assert value["990100", "returned"] == 1 and value["all", "left"] == 0
    assert (found.rows["se"] == 0).all() and found.base == "R"


def test_register_figures_agree_with_the_flow():
    dossiers = FILES.assign(members=1.0)
    ours = survey.register_figures(dossiers, 2023).rows.set_index(["region", "figure"])["estimate"]
    flow = survey.flow(dossiers, 2023, by="region").rows.set_index(["region", "component"])["estimate"]
    shared = ours.index.intersection(flow.index)
    assert len(shared) >= 4 and (ours[shared] == flow[shared]).all()


def test_what_is_known_of_regions_by_hand():
    known = survey.known_of_regions(of(PANEL[PANEL["year"] == 2024], FILES.assign(members=1.0))).set_index("region")
    assert known["member_households"].to_dict() == {"990100": 10.0, "990200": 20.0}
    assert known["on_file_rate"].to_dict() == {"990100": 0.2, "990200": 0.0}


def test_sizes_keep_the_reason_beside_the_coefficient_of_variation():
    found = estimate.mean(PANEL, estimate.Design("weight"), "income", by="region", margins=True)
    refused = estimate.grade(found, estimate.Standard(n_refused=4, n_care=5))
    rows = survey.sizes(refused).rows.set_index(["region", "measure"])
    source = refused.rows.set_index("region")
    assert rows.loc[("all", "cv"), "estimate"] == source.loc["all", "se"] / source.loc["all", "estimate"]
    assert rows.loc[("990100", "cv"), "flag"] == "quality" and rows.loc[("990100", "psus"), "flag"] == ""
    assert rows["n"].tolist() == np.repeat(source["n"].to_numpy(), 2).tolist()


# laws and edges
def test_pairs_follow_one_another():
    found = survey.pairs(PANEL)
    assert list(found) == ["2024", "2025"]
    assert [set(wave["year"]) for wave in found["2025"]] == [{2024}, {2025}]


def test_one_wave_or_none_gives_one_pair_of_nobody():
    for panel in (PANEL[PANEL["year"] == 2025], PANEL.head(0)):
        ((before, after),) = survey.pairs(panel).values()
        assert len(before) == len(after) == 0 and list(after.columns) == list(PANEL.columns)


def test_one_region_is_compared_with_nobody():
    assert len(survey.several_regions(PANEL)) == len(PANEL)
    assert len(survey.several_regions(PANEL[PANEL["region"] == "990100"])) == 0


def test_a_model_stands_beside_the_direct_figures_with_its_method():
    direct = estimate.mean(PANEL, estimate.Design("weight"), "income", by="region")
    direct = replace(direct, rows=direct.rows.assign(flag=""))
    found = survey.beside_direct(estimate.Estimates(direct.rows, ("region",), method="estimate_fay_herriot"), direct)
    assert found.keys == ("estimator",) and found.method == "estimate_fay_herriot"
    assert found.rows["flag"].tolist() == ["care", "", "care", ""]


def test_published_figures_of_a_model_are_to_be_used_with_care():
    found = estimate.mean(PANEL, estimate.Design("weight"), "income", by="region")
    rows = found.rows.assign(flag=["", "quality"])
    assert survey.with_care(estimate.Estimates(rows, ("region",))).rows["flag"].tolist() == ["care", "quality"]
