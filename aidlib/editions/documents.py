"""From protected contents to the files of an edition: documents, pages in every language and format, the registry."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from multiprocessing import forkserver, get_context
from typing import Any

from aidlib import render
from aidlib.editions import texts
from aidlib.editions.inputs import last_day
from aidlib.editions.kernel import die_with
from aidlib.editions.revisions import REGISTRY, to_json
from aidlib.reference import label, message
from aidlib.render.words import period_text
from aidlib.report import Content, Declaration, Document, fill_content, fill_findings
from aidlib.report.content import LANGUAGES

WORKERS = 2
PRELOAD = (__name__, "matplotlib.figure", "matplotlib.backends.backend_svg", "fontTools.subset", "typst", "xlsxwriter")
PUBLISHED = ("estimate", "se", "low", "high", "n")
_RENDERERS: dict[str, Callable[[Document, str], bytes]] = {
    "html": render.html,
    "pdf": render.pdf,
    "xlsx": render.xlsx,
}


def warm_up() -> None:
    """Start the process from which renderers are forked: it imports while the chapters run, and does nothing else."""
    get_context("forkserver").set_forkserver_preload(list(PRELOAD))
    forkserver.ensure_running()


def document(
    declaration: Declaration,
    period: str,
    region: str,
    contents: Sequence[Content],
    *,
    written: Content | None,
    demo: bool,
    made_from: Mapping[str, Any],
) -> Document:
    """The edition of ``region`` as a renderer needs it: sentences filled, findings chosen, notices put in.

    contents: of all chapters, protected; none where the region has no data. written: what people wrote, put last.
    made_from: what pages say of the inputs.
    """
    notices = [key for key, true in (("demo", demo), (declaration.state, True), ("no_data", not contents)) if true]
    values = {"office_zh": declaration.approval.get("zh", ""), "office_en": declaration.approval.get("en", "")}
    values |= {"date": declaration.approval.get("date", "")}
    chapters = [fill_content(content) for content in contents]
    if written:
        chapters.append(texts.filled(written, contents))
    return Document(
        title=declaration.title,
        subtitle={each: f"{label('region', region, each)} · {period_text(period, each)}" for each in LANGUAGES},
        period=period,
        region=region,
        state=declaration.state,
        contents=tuple(chapters),
        findings=fill_findings(declaration.findings, contents) if contents else (),
        notices=tuple(_texts(f"editions.notice_{key}", **values) for key in notices),
        manifest={"report": declaration.name, "date": last_day(period)} | dict(made_from),
    )


def files(
    documents: Mapping[str, Document],
    languages: Sequence[str],
    formats: Sequence[str],
    progress: Callable[[str, int, int], None] | None = None,
) -> dict[str, dict[str, bytes]]:
    """The files of every edition: region -> path in the edition -> content.

    Two processes share the pages; each makes all formats of one language, so that a chart is drawn once for both.
    Raises Problem for a character that the font cannot show, naming it and its entry.
    """
    made: dict[str, dict[str, bytes]] = {}
    for region, each in documents.items():
        render.check_glyphs(each)
        made[region] = {REGISTRY: to_json(registry(each.contents))}
    jobs = [(region, language) for region in documents for language in languages]
    workers = min(WORKERS, len(jobs))
    with ProcessPoolExecutor(workers, get_context("forkserver"), initializer=_die_with_parent) as pool:
        futures: dict[Future[dict[str, bytes]], str] = {
            pool.submit(_pages, documents[region], language, tuple(formats)): region for region, language in jobs
        }
        for done, future in enumerate(as_completed(futures), start=1):
            made[futures[future]] |= future.result()
            if progress:
                progress("render", done, len(jobs))
    return made


def registry(contents: Sequence[Content]) -> dict[str, dict[str, Any]]:
    """Every published number of an edition under ``chapter/key[value,…,measure]``; a withheld one has its flag alone.

    Floats keep 12 significant digits. Fields: estimate, se, low, high, n, flag, unit, base.
    """
    numbers: dict[str, dict[str, Any]] = {}
    for content in contents:
        for key, entry in content.entries().items():
            estimates = entry.estimates
            columns = [*estimates.domains, *estimates.keys, "measure"]
            for row in estimates.rows.to_dict("records"):
                name = f"{content.name}/{key}[{','.join(str(row[column]) for column in columns)}]"
                fields = {field: _rounded(row[field]) for field in PUBLISHED}
                numbers[name] = fields | {"flag": row["flag"], "unit": estimates.unit, "base": estimates.base}
    return numbers


def _die_with_parent() -> None:
    """The forking process ends with the runner, and its children with it: no orphan keeps exact numbers in memory."""
    die_with(os.getppid())


def _pages(document: Document, language: str, formats: Sequence[str]) -> dict[str, bytes]:
    return {f"{language}/report.{each}": _RENDERERS[each](document, language) for each in formats}


def _texts(key: str, **values: str) -> dict[str, str]:
    return {language: message(key, language, **values) for language in LANGUAGES}


def _rounded(value: float) -> float | None:
    return None if math.isnan(value) else float(f"{value:.12g}")
