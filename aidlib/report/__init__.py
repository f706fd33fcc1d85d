"""What notebooks write and renderers read: chapters, their numbers and sentences, and a report's declaration."""

from aidlib.report.chapter import Chapter
from aidlib.report.content import CHARTS, Absent, Content, Document, Entry, Item, Limits, Section, Sentence
from aidlib.report.declaration import Declaration, chapter_name, declaration, parameters_of
from aidlib.report.parameters import PERIOD, REGION, Parameter
from aidlib.report.sentences import fill, fill_content, fill_findings

__all__ = [
    "CHARTS",
    "PERIOD",
    "REGION",
    "Absent",
    "Chapter",
    "Content",
    "Declaration",
    "Document",
    "Entry",
    "Item",
    "Limits",
    "Parameter",
    "Section",
    "Sentence",
    "chapter_name",
    "declaration",
    "fill",
    "fill_content",
    "fill_findings",
    "parameters_of",
]
