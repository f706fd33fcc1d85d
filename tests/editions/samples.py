"""Small projects made for a test: a declaration, notebooks that build their numbers by hand, and a store."""

from __future__ import annotations

from pathlib import Path

import nbformat
import yaml

from aidlib.editions import Project

PARAMETERS = 'period = "2025"  # year\nregion = "990000"  # area code'
OPEN = """
import pandas as pd
from aidlib.estimate import Estimates
from aidlib.report import Chapter
chapter = Chapter("first", {"period": period, "region": region}, title={"zh": "第一章", "en": "First chapter"})
"""
ADD = """
rows = pd.DataFrame({"region": ["990100", "990200"], "measure": "headcount", "estimate": [0.25, 0.5], "se": 0.01,
    "low": [0.23, 0.48], "high": [0.27, 0.52], "n": 200.0, "df": 90.0, "count": [50.0, 100.0], "psus": 20.0,
    "top1": float("nan"), "top2": float("nan"), "flag": ""})
chapter.section(zh="多少？", en="How many?")
chapter.add("headcount", Estimates(rows, ("region",), unit="share"), chart="dot", caption={"zh": "率", "en": "Rate"})
"""
SAY = """
chapter.say(zh="甲市为{headcount[990100]:pct}。", en="It is {headcount[990100]:pct} in Jia City.")
chapter.limits(zh="手工数字。", en="Numbers by hand.")
"""
GOOD = (PARAMETERS, OPEN, ADD, SAY, "chapter.close()")
KILLED = (PARAMETERS, "import os, signal", "# the kernel ends here\nos.kill(os.getpid(), signal.SIGKILL)")
RAISES = (PARAMETERS, "name = '张三'", "raise ValueError(name)")
SLOW = (PARAMETERS, "import time", "time.sleep(60)")
UNCLOSED = (PARAMETERS, "x = 1")

DECLARATION = {
    "name": "small",
    "title": {"zh": "小报告", "en": "Small report"},
    "audience": "public",
    "state": "draft",
    "chapters": ["01_first"],
    "parameters": {
        "period": {"type": "str", "help": {"zh": "年度", "en": "year"}},
        "region": {"type": "str", "help": {"zh": "地区", "en": "region"}},
    },
    "regions": ["990000", "990100", "991300"],
    "languages": ["zh", "en"],
    "formats": ["html", "pdf", "xlsx"],
    "findings": [{"zh": "乙市为{first.headcount[990200]:pct}。", "en": "Yi City: {first.headcount[990200]:pct}."}],
}


def project(root: Path, *cells: str, **changes) -> Project:
    """A project below ``root`` with the one chapter 01_first made of ``cells`` (default: a good one)."""
    for folder in ("data/sources", "notebooks", "reports"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    write_notebook(root / "notebooks/01_first.ipynb", *(cells or GOOD))
    text = yaml.safe_dump(DECLARATION | changes, allow_unicode=True)
    (root / "reports/small.yml").write_text(text, encoding="utf-8")
    return Project(root)


def write_notebook(path: Path, *cells: str) -> None:
    """A notebook whose first cell is the parameters cell."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    notebook.cells[0].metadata["tags"] = ["parameters"]
    nbformat.write(notebook, path)
