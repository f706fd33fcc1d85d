"""The examples of the docstrings run and print what they say."""

import doctest

import pytest

from aidlib import reference
from aidlib.poverty import decomposition, depth, groups, inequality, movement, multidimensional, persistence

MODULES = [decomposition, depth, groups, inequality, movement, multidimensional, persistence]


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.__name__.rpartition(".")[2])
def test_examples_run(module):
    found = doctest.testmod(module)
    assert found.attempted > 0
    assert found.failed == 0


MEASURES = ["gini", "quintile_share_ratio", "palma_ratio", "watts", "sen_shorrocks_thon", "relative_line", "persistent"]
MEASURES += ["relative_median_gap", "alkire_foster", "atkinson_1", "generalised_entropy_0", "entry", "contribution_0"]
PARTS = ["growth", "distribution", "line", "prices", "rigid", "population", "residual", "total", "within", "between"]
PARTS += ["overlap", "contribution", "entered", "income", "A", "M0", "headcount", "censored", "group_share"]


@pytest.mark.parametrize(
    ("column", "name"), [("measure", m) for m in MEASURES] + [("component", p) for p in PARTS], ids=MEASURES + PARTS
)
def test_measures_and_parts_are_labelled_in_both_languages(column, name):
    zh, en = (reference.label(column, name, language) for language in ("zh", "en"))
    assert name not in (zh, en)
    assert zh != en
