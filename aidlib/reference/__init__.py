"""What the project knows before it sees data: the data dictionary, places, dated series, messages and method notes."""

from aidlib.reference.dictionary import Column, Dictionary, Label, Table, codes, dictionary, heading, label, order
from aidlib.reference.messages import Problem, message, method, problem
from aidlib.reference.project import project_folder, within
from aidlib.reference.series import baskets, industries, lines, price_index, prices, regions

__all__ = [
    "Column",
    "Dictionary",
    "Label",
    "Problem",
    "Table",
    "baskets",
    "codes",
    "dictionary",
    "heading",
    "industries",
    "label",
    "lines",
    "message",
    "method",
    "order",
    "price_index",
    "prices",
    "problem",
    "project_folder",
    "regions",
    "within",
]
