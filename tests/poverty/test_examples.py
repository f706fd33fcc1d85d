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


NAMES = ["gini", "quintile_share_ratio", "palma_ratio", "watts", "sen_shorrocks_thon", "relative_line", "persistent"]
NAMES += ["relative_median_gap", "alkire_foster", "atkinson_1", "generalised_entropy_0", "entry", "growth", "residual"]
NAMES += ["distribution", "prices", "rigid", "population", "within", "between", "overlap", "contribution", "censored"]


@pytest.mark.parametrize("name", NAMES)
def test_measures_and_parts_are_labelled_in_both_languages(name):
    zh, en = (reference.label("component", name, language) for language in ("zh", "en"))
    assert name not in (zh, en)
    assert zh != en
