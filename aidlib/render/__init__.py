"""Pages and workbooks of a safe document: HTML, PDF and XLSX, each in Chinese and English from the same numbers."""

from aidlib.render.glyphs import check_glyphs
from aidlib.render.html import html
from aidlib.render.pdf import pdf
from aidlib.render.workbook import xlsx

__all__ = ["check_glyphs", "html", "pdf", "xlsx"]
