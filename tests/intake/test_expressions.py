import numpy as np
import pandas as pd
import pytest

from aidlib.intake.expressions import evaluate
from aidlib.reference import Problem

COLUMNS = {
    "a": pd.Series(["1", "2", None], dtype="str"),
    "b": pd.Series([2.0, 4.0, 8.0]),
    "t": pd.Series(["x", "y", None]),
}


def test_arithmetic_on_text_columns_counts_them_as_numbers():
    assert evaluate("exp(a) / b - 1", COLUMNS, "x")[:2].tolist() == pytest.approx([np.e / 2 - 1, np.e**2 / 4 - 1])
    assert np.isnan(evaluate("a + b", COLUMNS, "x")[2])


def test_a_missing_side_is_never_true():
    assert evaluate("a < 2", COLUMNS, "x").tolist() == [True, False, False]
    assert evaluate("not (a < 2) and known(t)", COLUMNS, "x").tolist() == [False, True, False]
    assert evaluate("t == 'x' or b > 7", COLUMNS, "x").tolist() == [True, False, True]


def test_minutes_between_times():
    times = {"start": pd.Series(["2024-07-30T15:50:17+0200"]), "end": pd.Series(["2024-07-30T14:50:17+0000"])}
    assert evaluate("minutes(start, end)", times, "x").tolist() == [60.0]


@pytest.mark.parametrize(
    "text",
    ["__import__('os').system('true')", "a.__class__", "(lambda: 1)()", "open('x')", "[c for c in a]", "a if b else t",
     "a[0]", "exec('1')", "f'{a}'", "unknown + 1", "a;b", "9**9**9**9**'x'", "exp(a, b=1)", "(" * 300, "a" * 600],
)  # fmt: skip
def test_anything_else_is_refused(text):
    with pytest.raises(Problem) as caught:
        evaluate(text, COLUMNS, "kind.column")
    assert caught.value.key == "intake.bad_expression"
