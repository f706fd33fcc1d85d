"""Membership attacks, model cards, and models on disk: what leaks, what is told, what is refused."""

import hashlib
import io
import json
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import skops.io

from aidlib.reference import Problem
from aidlib.relapse import RiskModel, load_model, membership, model_card, save_model, validate
from aidlib.relapse.model_card import ModelCard
from aidlib.relapse.privacy import LIMIT, _likelihood_ratio
from aidlib.relapse.saved_models import TRUSTED, _restored, model_bytes
from tests.relapse.leavers import DESIGN, PREDICTORS, leavers

EXITS = leavers(3000, 41, level=-1.8)
BOOSTED = RiskModel(1, PREDICTORS)
MODEL = RiskModel(1, PREDICTORS, "logit")  # learns in a moment


@pytest.fixture(scope="module")
def fitted():
    return MODEL.fit(EXITS, DESIGN)


@pytest.fixture(scope="module")
def validation():
    return validate(EXITS, DESIGN, MODEL)


@pytest.fixture(scope="module")
def card(fitted, validation):
    return model_card(fitted, validation, DESIGN, groups=["region"])


@pytest.fixture
def saved(fitted, card, tmp_path) -> Path:
    return save_model(fitted, card, tmp_path / "model")


def refusal(call) -> str:
    with pytest.raises(Problem) as error:
        call()
    return error.value.key


# --- privacy
def test_the_model_does_not_tell_who_it_learnt_from():
    rows = membership(EXITS, DESIGN, MODEL).rows.set_index("attack")
    assert set(rows.index) == {"loss_threshold", "likelihood_ratio"}
    assert (rows["estimate"] <= LIMIT).all() and (rows["high"] <= LIMIT).all()
    assert (rows["psus"] > 2000).all()  # households are the clusters


def test_the_attacks_find_a_model_that_learns_by_heart(monkeypatch):
    """A forest of full depth, which knows its training rows: both attacks tell members from others."""
    from sklearn.ensemble import RandomForestClassifier

    def by_heart(model, encoding, matrix, y, weight):
        forest = RandomForestClassifier(20, random_state=0)
        return forest.fit(np.nan_to_num(matrix), y, sample_weight=weight)

    monkeypatch.setattr("aidlib.relapse.risk_model._trained", by_heart)
    monkeypatch.setattr("aidlib.relapse.risk_model._platt", lambda raw, y, weight: (0.0, 1.0))
    monkeypatch.setattr("aidlib.relapse.privacy.SHADOWS", 8)
    exits = EXITS.assign(exit_ratio=EXITS["exit_ratio"].fillna(1.0))
    found = membership(exits.head(1500), DESIGN, MODEL).rows.set_index("attack")["estimate"]
    assert (found > LIMIT + 0.05).all()


def test_the_likelihood_ratio_by_hand():
    """Inside shadows at 2 ± 0.5, outside at 0 ± 1, and a target at 1."""
    shadows = np.array([[1.5], [2.5], [-1.0], [1.0]])
    halves = [np.array([True]), np.array([True]), np.array([False]), np.array([False])]
    found = _likelihood_ratio(np.array([1.0]), shadows, halves)
    assert found.item() == pytest.approx((-0.5 * 4 - np.log(0.5)) - (-0.5 * 1 - np.log(1.0)))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_boosted_models_stay_below_the_limit_too(seed):
    rows = membership(leavers(4000, seed), DESIGN, BOOSTED, seed=str(seed)).rows
    assert (rows["estimate"] <= LIMIT).all()


# --- the card
def test_the_card_tells_data_predictors_and_figures(card, fitted):
    facts = card.facts
    assert facts["model"]["n"] == fitted.n and facts["model"]["events"] == fitted.events
    assert facts["years"] == [2016, 2024]
    assert [name for name, *_ in facts["model"]["predictors"]] == [p.name for p in PREDICTORS]
    rows = card.tables["validation"].rows
    assert {"model", "base_rate", "income_1_5", "income_1_8", "penalised_logit"} == set(rows["rule"])
    assert set(card.tables) == {"validation", "differences", "groups", "years", "membership"}


def test_numbers_of_small_groups_are_not_in_the_card(card):
    rows = card.tables["groups"].rows
    small = rows[rows["flag"] == "quality"]
    assert len(small) and small[["estimate", "se", "low", "high", "n", "count"]].isna().all().all()
    assert card.tables["groups"].covariance is None


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("zh", ["不得用于", "拒绝", "如何提出异议", "成员推断攻击"]),
        ("en", ["No aid is refused", "contest", "Membership"]),
    ],
)
def test_the_card_reads_in_both_languages(card, language, words):
    text = card.signed("ab" * 32).markdown(language)
    assert all(word in text for word in words)
    assert "abababab" in text and "{" not in text
    for name in ("exit_ratio", "calibration_slope", "penalised_logit", "loss_threshold", "exit_year="):
        assert name not in text


def test_a_card_comes_back_as_it_was(card, tmp_path):
    path = tmp_path / "card.json"
    path.write_text(card.to_json(), encoding="utf-8")
    again = ModelCard.read(path)
    assert again.to_json() == card.to_json() and again.attack == card.attack


# --- on disk
def test_a_saved_model_predicts_the_same(saved, fitted):
    again = load_model(saved)
    assert np.array_equal(again.predict(EXITS), fitted.predict(EXITS))
    assert again.model == fitted.model and again.cuts == fitted.cuts
    assert {p.name for p in saved.iterdir()} == {
        "model.skops",
        "model_card.json",
        "model_card.zh.md",
        "model_card.en.md",
    }


@pytest.mark.parametrize("kind", ["boosted", "logit"])
def test_no_pickle_and_no_clock_is_in_the_archive(kind):
    data = model_bytes(RiskModel(1, PREDICTORS, kind).fit(EXITS, DESIGN))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        arrays = [np.load(io.BytesIO(archive.read(name)), allow_pickle=False) for name in archive.namelist()[1:]]
        assert archive.namelist()[0] == "schema.json" and len(arrays) > 3
        assert max(array.size for array in arrays) < len(EXITS) / 2  # nothing that holds a number a household


def test_equal_models_have_equal_bytes_after_loading_too():
    first, again = (BOOSTED.fit(EXITS, DESIGN) for _ in range(2))
    data = model_bytes(first)
    loaded = _restored(skops.io.loads(data, trusted=sorted(TRUSTED)))
    assert model_bytes(again) == data == model_bytes(loaded)
    assert np.array_equal(loaded.predict(EXITS), first.predict(EXITS))


@pytest.mark.slow
def test_a_boosted_model_goes_the_whole_way(tmp_path):
    fitted = BOOSTED.fit(EXITS, DESIGN)
    card = model_card(fitted, validate(EXITS, DESIGN, BOOSTED), DESIGN, groups=["worker_sex"])
    again = load_model(save_model(fitted, card, tmp_path))
    assert np.array_equal(again.predict(EXITS), fitted.predict(EXITS))


@pytest.mark.slow
def test_another_process_writes_the_same_bytes():
    code = (
        "import hashlib; from tests.relapse.test_model_card import BOOSTED, EXITS, DESIGN, model_bytes;"
        "print(hashlib.sha256(model_bytes(BOOSTED.fit(EXITS, DESIGN))).hexdigest())"
    )
    root = Path(__file__).parents[2]
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root).stdout
    assert out.strip() == hashlib.sha256(model_bytes(BOOSTED.fit(EXITS, DESIGN))).hexdigest()


# --- refused
def test_a_model_that_gives_its_members_away_is_not_saved(fitted, card, tmp_path):
    for auc in (0.601, np.nan):
        table = card.tables["membership"]
        leaky = replace(table, rows=table.rows.assign(estimate=[0.5, auc]))
        bad = replace(card, tables={**card.tables, "membership": leaky})
        assert refusal(lambda bad=bad: save_model(fitted, bad, tmp_path / "leaky")) == "relapse.membership"
    assert not (tmp_path / "leaky").exists()


def test_the_card_of_another_model_is_refused(validation, card, tmp_path):
    other = RiskModel(1, PREDICTORS[:3], "logit").fit(EXITS, DESIGN)
    assert refusal(lambda: save_model(other, card, tmp_path)) == "relapse.other_model"
    few = MODEL.fit(EXITS.head(2000), DESIGN)
    for model, data in ((other, validation), (few, validation)):
        assert refusal(lambda model=model, data=data: model_card(model, data, DESIGN)) == "relapse.other_model"


def test_changed_files_are_refused(saved):
    card = json.loads((saved / "model_card.json").read_text(encoding="utf-8"))
    card["facts"]["model"]["n"] += 1
    intact = (saved / "model_card.json").read_text(encoding="utf-8")
    for text in (json.dumps(card), intact[:-200], "[]"):
        (saved / "model_card.json").write_text(text, encoding="utf-8")
        assert refusal(lambda: load_model(saved)) == "relapse.model_changed"
    (saved / "model_card.json").write_text(intact, encoding="utf-8")
    (saved / "model.skops").write_bytes((saved / "model.skops").read_bytes()[:-1] + b"?")
    assert refusal(lambda: load_model(saved)) == "relapse.model_changed"


def test_a_missing_file_is_named(saved):
    (saved / "model.skops").unlink()
    assert refusal(lambda: load_model(saved)) == "general.missing_file"


def test_types_that_are_not_trusted_are_never_opened(saved):
    data = skops.io.dumps({"estimator": subprocess.Popen})
    (saved / "model.skops").write_bytes(data)
    card = ModelCard.read(saved / "model_card.json").signed(hashlib.sha256(data).hexdigest())
    (saved / "model_card.json").write_text(card.to_json(), encoding="utf-8")
    with pytest.raises(Problem) as error:
        load_model(saved)
    assert error.value.key == "relapse.untrusted_model"
    assert "Popen" in error.value.values["types"]
