"""The Shapley value: by hand, by brute force over all orders, its four laws, errors of the design, edges, errors."""

from itertools import combinations, permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aidlib.causes import shapley
from aidlib.causes.shapley import membership, shapley_weights
from aidlib.estimate import Design, Replicates, function_of, make_replicates, mean, total
from aidlib.reference import Problem, method
from tests.causes.samples import families

DESIGN = Design("weight", "stratum", "psu")
EXACT = 1e-10


def shares(values: np.ndarray) -> np.ndarray:
    """Shapley values of a game given by the values of its 2^k sets, by bits."""
    return values @ shapley_weights(int(np.log2(len(values))))


def over_all_orders(values: np.ndarray) -> np.ndarray:
    """The definition: the mean of the marginal contributions over all orders."""
    k = int(np.log2(len(values)))
    out = np.zeros(k)
    orders = list(permutations(range(k)))
    for order in orders:
        before = 0
        for j in order:
            out[j] += values[before | 1 << j] - values[before]
            before |= 1 << j
    return out / len(orders)


# --- by hand
def test_the_glove_game_by_hand():
    """One left glove (a) and two right ones (b, c), a pair is worth 1: Shapley (1953) gives 2/3, 1/6, 1/6."""
    worth = np.array([0, 0, 0, 1, 0, 1, 0, 1], float)  # {} a b ab c ac bc abc
    assert shares(worth) == pytest.approx([2 / 3, 1 / 6, 1 / 6], abs=1e-15)


def test_the_airport_game():
    """Littlechild & Owen (1973), Management Science 20(3): costs 1, 3, 6 are shared as 1/3, 1/3 + 1, 1/3 + 1 + 3."""
    cost = np.array([max((c for j, c in enumerate([1, 3, 6]) if s >> j & 1), default=0) for s in range(8)], float)
    assert shares(cost) == pytest.approx([1 / 3, 4 / 3, 13 / 3], abs=1e-12)


@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_weights_are_the_mean_over_all_orders(k):
    worth = np.random.default_rng(k).normal(size=2**k)
    assert shares(worth) == pytest.approx(over_all_orders(worth), abs=1e-12)


# --- laws
games = st.integers(1, 6).flatmap(lambda k: st.lists(st.floats(-1e3, 1e3), min_size=2**k, max_size=2**k))


@given(games)
def test_efficiency(values):
    worth = np.array(values)
    assert shares(worth).sum() == pytest.approx(worth[-1] - worth[0], abs=1e-8)


@given(games, st.floats(-10, 10), st.floats(-10, 10))
def test_linearity(values, a, b):
    first = np.array(values)
    second = first[::-1] ** 2 / 1e3
    assert shares(a * first + b * second) == pytest.approx(a * shares(first) + b * shares(second), abs=1e-6)


@given(games)
def test_a_dummy_has_what_it_brings_alone(values):
    """A factor that adds 5 to whatever it joins has 5, and the others what they have without it."""
    worth = np.array(values)
    both = shares(np.concatenate([worth, worth + 5]))
    assert both[-1] == pytest.approx(5, abs=1e-8)
    assert both[:-1] == pytest.approx(shares(worth), abs=1e-8)


@given(games)
def test_symmetry(values):
    """Two factors that always do the same when one of them joins have equal shares."""
    worth = np.array(values)
    k = int(np.log2(len(worth)))
    present = membership(k + 1)
    game = np.where(present[:, k] & present[:, k - 1], worth.max(), worth[np.arange(2 ** (k + 1)) % 2**k])
    game = np.where(present[:, k] & ~present[:, k - 1], worth[np.arange(2 ** (k + 1)) % 2**k | 1 << (k - 1)], game)
    found = shares(game)
    assert found[k] == pytest.approx(found[k - 1], abs=1e-8)


# --- of Estimates
def headcount(sample: pd.DataFrame, design: Design | None, **options):
    """Share poor where only some of the costs are borne."""

    def value(present):
        net = sample["income"] - sample[sorted(present)].sum(axis=1)
        return mean(sample.assign(poor=net < 100.0), design, "poor", **options)

    return value


COSTS = ["illness", "schooling", "care"]


def test_shares_add_up_to_the_change_and_have_its_error():
    sample = families()
    found = shapley(headcount(sample, DESIGN), COSTS)
    rows = found.rows.set_index("component")
    assert abs(rows.loc[COSTS, "estimate"].sum() - rows.loc["total", "estimate"]) < EXACT
    with_all, without = (headcount(sample, DESIGN)(s) for s in (frozenset(COSTS), frozenset()))
    gone = function_of(lambda a, b: a - b, measure="gone", a=with_all, b=without).rows
    assert rows.loc["total", "estimate"] == pytest.approx(gone["estimate"].item(), abs=EXACT)
    assert rows.loc["total", "se"] == pytest.approx(gone["se"].item(), rel=1e-6)
    parts = found.covariance[:3, :3]
    assert parts.sum() == pytest.approx(found.covariance[3, 3], rel=1e-9)
    assert (found.unit, found.kind, found.keys, found.margins) == ("pp", "level", ("component",), ((3, (0, 1, 2)),))


def test_a_share_by_hand_from_its_steps():
    sample = families()
    value = headcount(sample, DESIGN)
    worth = {s: value(frozenset(s)).rows["estimate"].item() for k in range(4) for s in combinations(COSTS, k)}
    illness = (worth["illness",] - worth[()]) / 3 + (worth["illness", "schooling"] - worth["schooling",]) / 6
    illness += (worth["illness", "care"] - worth["care",]) / 6
    illness += (worth["illness", "schooling", "care"] - worth["schooling", "care"]) / 3
    rows = shapley(value, COSTS).rows.set_index("component")
    assert rows.loc["illness", "estimate"] == pytest.approx(illness, abs=1e-15)


def test_domains_keep_their_rows():
    sample = families()
    found = shapley(headcount(sample, DESIGN, by="district", margins=True), COSTS)
    assert found.rows["district"].tolist() == [d for d in ("a", "b", "all") for _ in range(4)]
    for district, part in sample.groupby("district"):
        mine = found.rows.loc[found.rows["district"] == district, "estimate"]
        alone = shapley(headcount(part, Design("weight")), COSTS).rows["estimate"]
        assert mine.to_numpy() == pytest.approx(alone.to_numpy(), abs=1e-12)
    assert (8, (0, 4)) in found.margins  # illness of all from that of the districts


def test_replicates_give_the_error_of_replicates():
    sample = families()
    made = make_replicates(sample, DESIGN, kind="jkn")
    found = shapley(headcount(made.sample, made.design), COSTS).rows
    linear = shapley(headcount(sample, DESIGN), COSTS).rows
    assert found["estimate"].to_numpy() == pytest.approx(linear["estimate"].to_numpy(), abs=1e-15)
    assert found["se"].to_numpy() == pytest.approx(linear["se"].to_numpy(), rel=0.05)
    assert isinstance(made.design.replicates, Replicates)


def test_totals_keep_their_unit():
    sample = families()
    found = shapley(lambda p: total(sample.assign(x=sample[sorted(p)].sum(axis=1)), DESIGN, "x"), COSTS)
    wanted = [float((sample["weight"] * sample[c]).sum()) for c in COSTS]
    assert found.rows["estimate"].tolist()[:3] == pytest.approx(wanted)
    assert (found.unit, found.additive) == ("number", False)


@pytest.mark.parametrize("k", [7, pytest.param(12, marks=pytest.mark.slow)])
def test_many_factors_are_exact(k):
    rng = np.random.default_rng(12)
    sample = pd.DataFrame(rng.gamma(1.0, 120.0 / k, (40, k)), columns=[f"c{j}" for j in range(k)])
    rows = shapley(
        lambda p: mean(sample.assign(poor=sample[sorted(p)].sum(axis=1) > 100), None, "poor"), list(sample)
    ).rows
    assert abs(rows["estimate"][:k].sum() - rows["estimate"][k]) < EXACT
    assert rows["estimate"][k] == (sample.sum(axis=1) > 100).mean()


# --- errors
@pytest.mark.parametrize(
    ("factors", "key"),
    [([], "causes.factors"), (["a", "a"], "causes.factors"), ([f"f{j}" for j in range(13)], "causes.too_many")],
)
def test_factors_that_cannot_be_split(factors, key):
    with pytest.raises(Problem) as error:
        shapley(lambda p: mean(families(), None, "income"), factors)
    assert error.value.key == key


def test_rows_must_not_depend_on_the_factors():
    sample = families()
    with pytest.raises(Problem) as error:
        shapley(lambda p: mean(sample, DESIGN, "income", by="district" if p else None), ["illness"])
    assert error.value.key == "estimate.rows_differ"


def test_samples_must_be_the_same():
    sample = families()
    with pytest.raises(Problem) as error:
        shapley(lambda p: mean(sample if p else sample.iloc[:-1], None, "income"), ["illness"])
    assert error.value.key == "estimate.samples_differ"


def test_the_method_is_told_in_both_languages():
    assert "Shapley" in method("causes_shapley", "zh") and "Shapley" in method("causes_shapley", "en")
