"""The grade that a rule gives each household, beside the recorded one, never in its place."""

from __future__ import annotations

import numpy as np
import pandas as pd

from aidlib.rules.book import Book, GradeRule


def grade(households: pd.DataFrame, book: Book) -> pd.Series:
    """The first grade of the rule whose conditions hold (code), named ``grade``; missing where none can be judged.

    households: needs the rule's income column (yuan per head and month), ``line``, and for accidents
    ``accident_loss_year`` and ``income_year``. A loss that was not recorded counts as none. A household without income
    or line has no grade, unless an accident decides it.
    """
    conditions = [_holds(households, rule, book.income) for rule in book.grades]
    judged = households[book.income].notna() & households["line"].notna()
    given = np.select([c.to_numpy() for c in conditions], [rule.grade for rule in book.grades], book.otherwise)
    known = judged | np.logical_or.reduce([c.to_numpy() for c in conditions])
    return pd.Series(given, households.index, name="grade", dtype="str").where(known)


def _holds(households: pd.DataFrame, rule: GradeRule, income: str) -> pd.Series:
    holds = pd.Series(True, households.index)
    if rule.below is not None:
        holds &= households[income] < rule.below * households["line"]
    if rule.loss_over_income is not None:
        holds &= households["accident_loss_year"] > rule.loss_over_income * households["income_year"]
    return holds
