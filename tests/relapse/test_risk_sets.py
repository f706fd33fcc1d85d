"""Risk sets: the running sums against sums over every row and time, one by one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aidlib.relapse.risk_sets import RiskSets, time_codes


@st.composite
def rows(draw):
    """Start, stop, event, stratum, and which rows are late, of up to 30 rows with few distinct times."""
    n = draw(st.integers(1, 30))
    many = lambda values: np.array(draw(st.lists(values, min_size=n, max_size=n)))  # noqa: E731
    start = many(st.integers(0, 5)).astype(float)
    stop = start + many(st.integers(1, 5))
    late = many(st.booleans())
    return start, stop, many(st.booleans()) & ~late, many(st.integers(0, 2)), late


def naive(sets: RiskSets, start, stop, stratum, late) -> np.ndarray:
    """n × K: what each of the rows that are kept counts for at each time."""
    order = sets.order
    inside = (start[order, None] < sets.times) & (sets.times <= stop[order, None])
    inside &= stratum[order, None] == sets.stratum
    return inside * np.where(late[order, None], sets.factor, 1.0)


@given(rows(), st.booleans())
def test_sums_over_those_at_risk_and_over_the_times_at_risk(given_rows, delayed):
    start, stop, event, stratum, late = given_rows
    start = start if delayed else np.full(len(start), -1.0)
    sets = RiskSets.of(start if delayed else None, stop, event, stratum, late=late)
    sets = sets.weighted(np.linspace(0.2, 0.9, len(sets.times)))
    table = naive(sets, start, stop, stratum, late)
    weight = 1.0 + np.arange(len(sets.order))
    values = np.stack([np.sin(weight), weight**2], axis=1)
    assert sets.at_risk(weight, values) == pytest.approx(table.T @ (weight[:, None] * values), abs=1e-9)
    of_times = np.cos(np.arange(len(sets.times)))
    assert sets.during(of_times) == pytest.approx(table @ of_times, abs=1e-9)


@given(rows())
def test_every_event_has_its_time_and_whoever_is_never_at_risk_is_left_out(given_rows):
    start, stop, event, stratum, _ = given_rows
    sets = RiskSets.of(start, stop, event, stratum)
    times = {(s, t) for s, t in zip(stratum[event], stop[event], strict=True)}
    assert sorted(times) == list(zip(sets.stratum, sets.times, strict=True))
    ended = sets.event >= 0
    assert sets.times[sets.event[ended]] == pytest.approx(stop[sets.order[ended]])
    assert (ended == event[sets.order]).all()
    assert ended.sum() == event.sum()
    kept = np.isin(np.arange(len(stop)), sets.order)
    for row in np.flatnonzero(~kept):
        assert not any(s == stratum[row] and start[row] < t <= stop[row] for s, t in times)


def test_times_closer_than_rounding_are_one():
    opened, closed, moments = time_codes(np.array([0.0, 0.1 + 0.2]), np.array([0.3, 1.0]))
    assert opened is not None
    assert opened[1] == closed[0]
    assert moments.tolist() == [0.0, 0.3, 1.0]


def test_few_at_risk_are_exact_beside_many_who_enter_later():
    """A million rows enter after the first event: what is left of their weights by rounding is far below 1e-6."""
    many = 1_000_000
    start, stop = np.append(np.full(many, 5.0), 0.0), np.append(np.full(many, 9.0), 1.0)
    sets = RiskSets.of(start, stop, np.append(np.arange(many) < 10, True), np.zeros(many + 1, dtype=np.int64))
    weight = np.random.default_rng(1).uniform(1, 2, many + 1)
    found = sets.at_risk(weight, np.ones(many + 1))
    assert found[0] == pytest.approx(weight[sets.order == many].item(), rel=1e-9)
