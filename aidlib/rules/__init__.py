"""Dated policy as data: which rule is in force, and the grade it gives a household."""

from aidlib.rules.book import Book, GradeRule, load
from aidlib.rules.grade import grade

__all__ = ["Book", "GradeRule", "grade", "load"]
