"""What notebooks write and renderers read: chapters, the numbers in their sentences, and the declaration of a report."""

from aidlib.report.content import CHARTS, Absent, Content, Document, Entry, Limits, Section, Sentence

__all__ = ["CHARTS", "Absent", "Content", "Document", "Entry", "Limits", "Section", "Sentence"]
