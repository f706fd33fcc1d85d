"""From a declaration to published editions: check, compute, gate, fill and render, publish."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aidlib import release
from aidlib.editions import documents, execution, inputs, texts
from aidlib.editions.execution import Progress
from aidlib.editions.folders import Project, private_folder
from aidlib.editions.revisions import Edition, latest, publish
from aidlib.reference import problem
from aidlib.report import Content, Declaration
from aidlib.store import Store

ALWAYS = 0


@dataclass(frozen=True)
class Plan:
    """One run: a report and period for several regions.

    values: region -> typed parameters; inputs: checksums; written: region -> what people wrote for it.
    """

    declaration: Declaration
    period: str
    values: Mapping[str, Mapping[str, Any]]
    data: Store
    store: Path
    out: Path
    project: Project
    inputs: Mapping[str, Any]
    written: Mapping[str, Content]

    @property
    def demo(self) -> bool:
        """Whether the data are invented."""
        return bool(self.data.manifest().get("demo", False))

    @property
    def runs(self) -> Path:
        """Where private folders and the logs of failures lie: beside the editions."""
        return self.out.parent / "runs"

    def inputs_of(self, region: str) -> dict[str, Any]:
        """All that the edition of ``region`` depends on."""
        reports = self.project.reports
        files = texts.files(reports, self.declaration.name, self.period, region)
        return dict(self.inputs) | {
            "parameters": dict(self.values[region]),
            "texts": inputs.digest_of_files(files, reports),
        }


def run(
    declaration: Declaration,
    *,
    period: str,
    regions: Sequence[str],
    store: Path,
    out: Path,
    parameters: Mapping[str, str] | None = None,
    progress: Progress | None = None,
    project: Project | None = None,
    seconds: float = execution.CHAPTER_SECONDS,
) -> list[Edition]:
    """The editions of ``regions`` for ``period``, published below ``out``: <report>/<period>/<region>/rNNN.

    parameters: further values of the declaration, as typed. seconds: limit for a chapter. progress is called with the
    stage, what is done and of how many. Nothing is executed where every edition stands, made from the same inputs. A
    failure in any chapter, the gate or a renderer publishes nothing. Raises Problem.
    """
    plan = _plan(declaration, period, regions, store, out.resolve(), parameters or {}, project or Project.find())
    standing = [_standing(plan, region) for region in plan.values]
    if all(standing):
        return [edition for edition in standing if edition]
    documents.warm_up()
    safe = _protected(plan, _computed(plan, seconds, progress), progress)
    made = {region: _document(plan, region, safe.get(region, [])) for region in plan.values}
    try:
        files = documents.files(made, declaration.languages, declaration.formats, progress)
        return [publish(files[region], _manifest(plan, region), plan.out) for region in plan.values]
    except OSError as error:
        raise problem("editions.not_written", folder=str(out), kind=error.strerror or type(error).__name__) from error


def has_data(store: Store, region: str, period: str) -> bool:
    """Whether the store holds an interview of ``region`` up to the year of ``period``, or any dossier of it.

    A place is told from its code: GB/T 2260 codes are nested pairs of digits (99 01 01), 00 standing for the whole.
    """
    stem = region
    while stem.endswith("00"):
        stem = stem[:-2]
    tables = store.manifest()["tables"]
    for table in ("households", "dossiers"):
        parts = [part for part in tables.get(table, []) if _year(part) <= int(period[:4])]
        if any(part["region"].startswith(stem) for part in parts):
            return True
        if len(stem) == 6 and parts:  # a county lies inside the parts of its city
            years = {_year(part) for part in parts} - {ALWAYS} or None
            rows = store.read(table, ["county"], regions=[f"{stem[:4]}00"], years=years)
            if "county" in rows and rows["county"].eq(region).any():
                return True
    return False


def latest_period(store: Path) -> str:
    """The last year in which the store holds interviews, as a period. Raises Problem if it holds none."""
    parts = Store.open(store).manifest()["tables"].get("households", [])
    years = [_year(part) for part in parts if _year(part) != ALWAYS]
    if not years:
        raise problem("editions.no_period", store=str(store))
    return str(max(years))


def _year(part: Mapping[str, Any]) -> int:
    """The wave of a part of the store; ALWAYS for a table that is kept by date."""
    return int(part["year"]) if part["year"].isdigit() else ALWAYS


def _plan(
    declaration: Declaration,
    period: str,
    regions: Sequence[str],
    store: Path,
    out: Path,
    parameters: Mapping[str, str],
    project: Project,
) -> Plan:
    """Everything that can be wrong before a kernel starts is found here."""
    values = {region: declaration.check(dict(parameters) | {"period": period, "region": region}) for region in regions}
    for chapter in declaration.chapters:
        declaration.check_notebook(project.notebook(chapter))
    data = Store.open(store)
    made_from = inputs.describe(declaration, data, project, regions)
    found = {region: texts.read(project.reports, declaration.name, each) for region, each in values.items()}
    written = {region: content for region, content in found.items() if content}
    return Plan(declaration, period, values, data, store, out, project, made_from, written)


def _standing(plan: Plan, region: str) -> Edition | None:
    """The last edition, if it is intact and was made from the same inputs."""
    found = latest(plan.out, plan.declaration.name, plan.period, region)
    return found[0] if found and found[1]["inputs"] == plan.inputs_of(region) else None


def _computed(plan: Plan, seconds: float, progress: Progress | None) -> dict[str, list[Content]]:
    """What the chapters say about each region that has data: exact numbers, held in memory only."""
    surveyed = {region: each for region, each in plan.values.items() if has_data(plan.data, region, plan.period)}
    logs = plan.runs / "failed" / f"{plan.declaration.name}-{plan.period}"
    with private_folder(plan.runs, "run-") as folder:
        contents = execution.compute(
            plan.declaration.chapters,
            surveyed,
            project=plan.project,
            store=plan.store,
            run=folder,
            logs=logs,
            seconds=seconds,
            progress=progress,
        )
    shutil.rmtree(logs, ignore_errors=True)  # tracebacks of an earlier failure may show exact numbers
    return contents


def _protected(
    plan: Plan, exact: Mapping[str, list[Content]], progress: Progress | None
) -> Mapping[str, list[Content]]:
    """What may be published, decided once over all regions, in the order of their codes."""
    if not exact:
        return {}
    register = release.Register(plan.out.parent / "register.json")
    ordered = {region: exact[region] for region in sorted(exact)}
    safe = release.protect(ordered, register, report=plan.declaration.name, period=plan.period)
    if progress:
        progress("gate", 1, 1)
    return safe


def _document(plan: Plan, region: str, contents: Sequence[Content]) -> documents.Document:
    manifest = plan.data.manifest()
    said = {key: manifest[key] for key in ("population", "lonely_psu") if key in manifest}  # by the survey's mapping
    made_from = {"store": plan.inputs["store"], "survey": said, "versions": inputs.versions()}
    made_from["parameters"] = dict(plan.values[region])
    return documents.document(
        plan.declaration,
        plan.period,
        region,
        contents,
        written=plan.written.get(region),
        demo=plan.demo,
        made_from=made_from,
    )


def _manifest(plan: Plan, region: str) -> dict[str, Any]:
    declaration = plan.declaration
    return {
        "report": declaration.name,
        "period": plan.period,
        "region": region,
        "date": inputs.last_day(plan.period),
        "state": declaration.state,
        "audience": declaration.audience,
        "approval": dict(declaration.approval),
        "demo": plan.demo,
        "inputs": plan.inputs_of(region),
        "versions": inputs.versions(),
    }
