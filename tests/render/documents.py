"""A small document with every kind of item, built from the real classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from aidlib.estimate import Estimates
from aidlib.report import Absent, Content, Document, Entry, Limits, Section, Sentence
from tests.display.rows import tidy, withheld

GRADES = ["deep", "relative", "accident"]
REGIONS = [f"99{i:02d}00" for i in range(1, 14)]
MANIFEST = {"report": "annual", "date": "2025-12-31", "store": {"number": 3, "sha256": "ab12" * 16}}


def estimates(rows: Any, domains: tuple[str, ...], keys: tuple[str, ...] = (), **options: Any) -> Estimates:
    """Estimates from tidy rows; by default shares of member households."""
    order = [*domains, *keys, "measure", "estimate", "se", "low", "high", "n", "df", "count", "psus", "top1", "top2"]
    defaults = {"unit": "share", "method": "estimate_proportion", "base": "M"}
    return Estimates(rows[[*order, "flag"]], domains, keys, **defaults | options)


def entries() -> tuple[Entry, ...]:
    """A chart, a table, a chart whose data stand in the workbook, and a complete count."""
    by_region = withheld(tidy({"region": ["all", *REGIONS]}, [0.1 + i / 100 for i in range(14)]), [3])
    by_region.loc[5, "flag"] = "care"
    years = tidy({"year": ["2023", "2024", "2025"], "grade": GRADES}, [i / 20 for i in range(9)])
    money = tidy({"grade": GRADES}, [2.5e6, 1.25e6, 3e6], se=1e5)
    count = tidy({"grade": GRADES}, [812.0, 3401.0, 77.0], se=0.0)
    register = {"unit": "households", "method": "register_count", "base": "R"}
    return (
        Entry(
            "headcount",
            estimates(by_region, ("region",)),
            "dot",
            {"zh": "各地区困难发生率", "en": "Headcount by region"},
        ),
        Entry("trend", estimates(years, ("grade",), ("year",)), "line", {"zh": "走势", "en": "Trend"}, True),
        Entry("gap", estimates(money, ("grade",), unit="yuan"), "bar", {"zh": "补差资金", "en": "Money needed"}),
        Entry("on_file", estimates(count, ("grade",), **register), "table", {"zh": "在档户数", "en": "On file"}),
    )


def document(contents: tuple[Content, ...] | None = None, **changes: Any) -> Document:
    """The small document; keywords replace its fields."""
    return Document(**fields(contents) | changes)


def fields(contents: tuple[Content, ...] | None) -> dict[str, Any]:
    """What ``document`` is built from."""
    first, *rest = entries()
    items = (
        Section("困难发生率多高？", "How high is the headcount?"),
        first,
        Sentence("困难发生率为12.3%（95%置信区间 10.1%–14.5%）。", "The headcount was 12.3% (95% CI 10.1–14.5%)."),
        *rest,
        Absent("loss", "数据源没有上期编号。", "The source has no former number."),
        Limits("未填报收入的家庭不计入。", "Households without income are left out."),
    )
    return {
        "title": {"zh": "困难职工状况年度报告", "en": "Annual report on hardship"},
        "subtitle": {"zh": "示例省", "en": "Demo Province"},
        "period": "2025",
        "region": "990000",
        "state": "draft",
        "contents": (Content("profile", {"zh": "基本情况", "en": "Profile"}, {}, items),)
        if contents is None
        else contents,
        "findings": (Sentence("在档4,290户。", "4,290 households were on file."),),
        "notices": ({"zh": "模拟数据，不反映任何真实地区", "en": "Synthetic data, no real place"},),
        "manifest": MANIFEST,
    }


def with_texts(payloads: Sequence[str]) -> Document:
    """A document with one chapter for each payload, which stands in every place where people or data can write."""
    each = [with_text(payload) for payload in payloads]
    told = {name: value for number, one in enumerate(each) for name, value in
            {f"{number}{list(one.manifest)[-1]}": "x", f"source {number}": one.manifest["source"]}.items()}  # fmt: skip
    return document(
        tuple(replace(one.contents[0], name=f"c{number}") for number, one in enumerate(each)),
        notices=tuple(one.title for one in each), findings=tuple(one.findings[0] for one in each),
        manifest={"date": "2025-12-31"} | told,
    )  # fmt: skip


def with_text(payload: str) -> Document:
    """A document that holds ``payload`` in every place where people or data can write."""
    both: Mapping[str, str] = {"zh": payload, "en": payload}
    rows = tidy({"region": [payload, "all"], "variable": [payload]}, [0.1, 0.2]).assign(measure=payload)
    shown = estimates(rows, ("region",), ("variable",))
    items = (
        Section(payload, payload),
        Entry("a", shown, "bar", both),
        Entry("b", shown, "table", both),
        Sentence(payload, payload),
        Absent("c", payload, payload),
        Limits(payload, payload),
    )
    return document(
        (Content("profile", both, {}, items),), title=both, subtitle=both, notices=(both,),
        findings=(Sentence(payload, payload),), manifest={"date": "2025-12-31", "source": payload, payload: "x"},
    )  # fmt: skip
