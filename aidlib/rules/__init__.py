"""Dated policy as data: which rule is in force, the grade it gives a household, when prices trigger a supplement."""

from aidlib.rules.book import Book, GradeRule, load
from aidlib.rules.grade import grade
from aidlib.rules.supplement import Supplement, Trigger, supplement, supplements

__all__ = ["Book", "GradeRule", "Supplement", "Trigger", "grade", "load", "supplement", "supplements"]
