"""The examples of the docstrings run and print what they say."""

import doctest

import pytest

from aidlib.poverty import decomposition, depth, groups, inequality, movement, multidimensional, persistence

MODULES = [decomposition, depth, groups, inequality, movement, multidimensional, persistence]


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.__name__.rpartition(".")[2])
def test_examples_run(module):
    found = doctest.testmod(module)
    assert found.attempted > 0
    assert found.failed == 0
