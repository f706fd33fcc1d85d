"""The command line: parses, calls, prints. Exit status 0 done, 1 failed, 2 wrong use.

Everything heavier than click is imported inside the commands, so that ``aidlib --help`` answers at once.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import aidlib

if TYPE_CHECKING:
    from aidlib.editions import Edition
    from aidlib.reference import Problem
    from aidlib.relapse import Written

_FOLDER = click.Path(path_type=Path)
_JSON = click.option("--json", "as_json", is_flag=True, help="结果以 JSON 输出 · Print the result as JSON.")

ACCOUNT_ROWS = 60


class Progress:
    """Tells how far a stage is: one moving line on a terminal, one line a stage in a log. Always on stderr."""

    def __init__(self) -> None:
        self._moving = sys.stderr.isatty()
        self._stage = ""

    def __call__(self, stage: str, done: int = 0, total: int = 0) -> None:
        """stage: its name; done of total steps."""
        count = f" {done}/{total}" if total else ""
        if self._moving:
            click.echo(f"\r\x1b[K{stage}{count}", nl=False, err=True)
        elif stage != self._stage or (total and done == total):
            click.echo(f"{stage}{count}", err=True)
        self._stage = stage

    def end(self) -> None:
        """Clear the moving line."""
        if self._moving and self._stage:
            click.echo("\r\x1b[K", nl=False, err=True)
        self._stage = ""


def _told(command: Callable[..., Any]) -> Callable[..., Any]:
    """A Problem becomes its two lines (or JSON) and an exit status; nobody is shown a traceback for it.

    So do a file or folder that cannot be read or written (full disk, no permission), and Ctrl-C.
    """

    @wraps(command)
    def wrapper(*, as_json: bool, **options: Any) -> None:
        progress = Progress()
        try:
            command(as_json=as_json, progress=progress, **options)
        except (Exception, KeyboardInterrupt) as error:
            progress.end()
            known = _problem(error)
            if known is None:
                raise
            if as_json:
                told = {"key": known.key, "zh": known.text("zh"), "en": known.text("en")}
                click.echo(json.dumps({"error": told}, ensure_ascii=False))
            else:
                click.echo(str(known), err=True)
            sys.exit(2 if known.wrong_use else 1)

    return wrapper


def _problem(error: BaseException) -> Problem | None:
    """What happened, for people; None where it is a fault of ours."""
    from aidlib.reference import Problem, problem

    if isinstance(error, KeyboardInterrupt):
        return problem("cli.interrupted")
    if isinstance(error, OSError) and error.errno:
        return problem("cli.files", kind=error.strerror, file=f": {error.filename}" if error.filename else "")
    return error if isinstance(error, Problem) else None


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(aidlib.__version__, prog_name="aidlib")
def main() -> None:
    """从调查原始导出到可公布的双语报告。

    Hardship surveys from raw exports to published, disclosure-safe, bilingual reports.
    """


@main.command()
@click.argument("out", type=_FOLDER)
@click.option(
    "--households", type=click.IntRange(min=1), default=4000, show_default=True, help="样本户数 · Households."
)
@click.option("--waves", type=click.IntRange(1, 8), default=8, show_default=True, help="年度数 · Yearly waves.")
@click.option("--seed", type=click.IntRange(min=0), default=20180701, show_default=True, help="随机种子 · Seed.")
@click.option("--preset", default="default", show_default=True, help="情形 · Preset.")
@_JSON
@_told
def demo(out: Path, households: int, waves: int, seed: int, preset: str, as_json: bool, progress: Progress) -> None:
    """生成模拟调查的原始导出 · Write the raw exports of a synthetic survey into OUT."""
    from aidlib.demo import write

    summary = write(out, households=households, waves=waves, seed=seed, preset=preset, progress=progress)
    progress.end()
    click.echo(json.dumps(_plain(summary), ensure_ascii=False) if as_json else str(summary))


@main.command("import")
@click.argument("paths", nargs=-1, required=True, type=_FOLDER)
@click.option("--source", help="来源映射名称 · Mapping in data/sources/, without .yml.")
@click.option("--store", type=_FOLDER, default=Path("data/store"), show_default=True, help="数据仓库 · Data store.")
@click.option("--draft", is_flag=True, help="只输出映射草稿 · Only print a draft mapping for these files.")
@_JSON
@_told
def import_(
    paths: tuple[Path, ...], source: str | None, store: Path, draft: bool, as_json: bool, progress: Progress
) -> None:
    """导入原始文件 · Read PATHS (files or folders), check them and add them to the store."""
    from aidlib import intake

    if draft:
        text = intake.draft_mapping(list(paths))
        progress.end()
        click.echo(json.dumps({"draft": text}, ensure_ascii=False) if as_json else text)
        return
    if not source:
        raise click.UsageError(
            "缺少 --source（或用 --draft 生成映射草稿）· give --source, or --draft for a draft mapping"
        )
    outcome = intake.import_files(list(paths), source=source, store=store, progress=progress)
    progress.end()
    if as_json:
        quarantine = str(outcome.quarantine) if outcome.quarantine else None
        account = json.loads(outcome.account.to_json(orient="records", force_ascii=False))
        told = {"number": outcome.number, "unchanged": outcome.unchanged, "quarantine": quarantine, "account": account}
        click.echo(json.dumps(told, ensure_ascii=False))
        return
    _print_outcome(outcome, store)


@main.command()
@click.argument("name")
@click.option("--period", help="期别，默认为仓库中最近的年度 · Period; by default the store's last year.")
@click.option("--region", "regions", multiple=True, help="地区代码，可重复，或 all · Area code, repeatable, or all.")
@click.option(
    "--lang", type=click.Choice(["zh", "en"]), help="只列出该语言的文件 · List the files of one language only."
)
@click.option("--store", type=_FOLDER, default=Path("data/store"), show_default=True, help="数据仓库 · Data store.")
@click.option("--out", type=_FOLDER, help="发布位置，默认 reports/editions · Where editions are published.")
@click.option("-p", "parameters", multiple=True, metavar="NAME=VALUE", help="报告参数 · A parameter of the report.")
@_JSON
@_told
def report(
    name: str,
    period: str | None,
    regions: tuple[str, ...],
    lang: str | None,
    store: Path,
    out: Path | None,
    parameters: tuple[str, ...],
    as_json: bool,
    progress: Progress,
) -> None:
    """生成报告 · Make the report NAME for a period and one or more regions."""
    from aidlib import editions

    project = editions.Project.find()
    declared = project.load(name)
    made = editions.run(
        declared,
        period=period or editions.latest_period(store),
        regions=_regions(regions, declared.regions),
        store=store,
        out=out or project.editions,
        parameters=_pairs(parameters),
        progress=progress,
        project=project,
    )
    progress.end()
    if as_json:
        click.echo(json.dumps({"editions": [_plain(edition) for edition in made]}, ensure_ascii=False))
        return
    for edition in made:
        _print_edition(edition, [lang] if lang else list(declared.languages), declared.formats)


@main.command()
@click.argument("edition", type=_FOLDER)
@_JSON
@_told
def verify(edition: Path, as_json: bool, progress: Progress) -> None:
    """核对已发布的报告 · Check that the folder EDITION is as it was published."""
    from aidlib import editions
    from aidlib.reference import message

    differences = editions.verify(edition)
    if as_json:
        click.echo(json.dumps({"intact": not differences, "differences": differences}, ensure_ascii=False))
    else:
        click.echo("\n".join(differences or [message("cli.intact", "zh"), message("cli.intact", "en")]))
    sys.exit(1 if differences else 0)


@main.command()
@click.option("--store", type=_FOLDER, default=Path("data/store"), show_default=True, help="数据仓库 · Data store.")
@click.option("--region", required=True, help="地区代码 · Area code.")
@click.option("--on", type=click.DateTime(["%Y-%m-%d"]), required=True, help="名单日期 · Day of the list.")
@click.option("--capacity", type=click.IntRange(min=1), required=True, help="可走访户数 · Visits there can be.")
@click.option("--out", type=_FOLDER, required=True, help="新的 xlsx 文件 · A new xlsx file.")
@click.option("--model", type=_FOLDER, help="风险模型文件夹，默认按规则分级 · Folder of a risk model; else by rule.")
@click.option("--officer", required=True, help="负责人，记入审计 · Officer responsible, entered in the audit.")
@click.option("--purpose", required=True, help="用途，记入审计 · Purpose, entered in the audit.")
@_JSON
@_told
def worklist(
    store: Path,
    region: str,
    on: datetime,
    capacity: int,
    out: Path,
    model: Path | None,
    officer: str,
    purpose: str,
    as_json: bool,
    progress: Progress,
) -> None:
    """生成含真实姓名的走访名单（内部资料） · Write the restricted list of visits, with real names."""
    from aidlib import relapse, survey
    from aidlib.editions import Project
    from aidlib.store import Store

    day = on.date().isoformat()
    known = survey.load(day[:7], region, store)
    fitted = relapse.load_model(model) if model else None
    checksum = relapse.ModelCard.read(model / "model_card.json").facts["sha256"] if model else ""
    listed = relapse.plan_visits(
        known.dossiers, known.aid, known.panel, known.decisions, on=day, capacity=capacity, fitted=fitted
    )
    asked = relapse.Request(
        officer=officer, purpose=purpose, user=_account(), at=datetime.now().astimezone().isoformat("T", "seconds"),
        region=region, on=day, capacity=capacity, model=checksum,
    )  # fmt: skip
    made = relapse.write_worklist(listed, known.members, Store.open(store), out, asked, closed=[Project.find().root])
    progress.end()
    if as_json:
        click.echo(json.dumps(_plain(made), ensure_ascii=False))
        return
    _print_worklist(made)


def _regions(given: tuple[str, ...], declared: tuple[str, ...]) -> list[str]:
    if not given:
        return [declared[0]]
    return list(declared) if "all" in given else list(dict.fromkeys(given))


def _pairs(given: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not equals or name in ("period", "region"):
            raise click.UsageError("-p NAME=VALUE（期别与地区请用 --period、--region · not for period and region）")
        pairs[name] = value
    return pairs


def _print_edition(edition: Edition, languages: list[str], formats: tuple[str, ...]) -> None:
    from aidlib.reference import message

    key = "cli.edition_unchanged" if edition.unchanged else "cli.edition_published"
    click.echo(f"{edition.path}  {message(key, 'zh')} {message(key, 'en')}")
    for language in languages:
        for each in formats:
            click.echo(f"  {edition.path / language / f'report.{each}'}")


def _print_outcome(outcome: Any, store: Path) -> None:
    from aidlib.reference import message

    account = outcome.account
    if len(account) > ACCOUNT_ROWS:  # sheets of many files: the sums by file, the whole account stands in the manifest
        account = account.drop(columns="sheet").groupby(["file", "table"], sort=False).sum().reset_index()
    click.echo(account.to_string(index=False))
    sums = account.sum(numeric_only=True)
    click.echo("合计 total: " + "  ".join(f"{step} {int(value):,}" for step, value in sums.items()))
    key = "cli.import_unchanged" if outcome.unchanged else "cli.imported"
    for language in ("zh", "en"):
        click.echo(message(key, language, store=store, number=outcome.number))
    if outcome.quarantine:
        for language in ("zh", "en"):
            click.echo(message("cli.quarantine", language, file=outcome.quarantine))


def _print_worklist(made: Written) -> None:
    from aidlib.reference import message

    click.echo(made.path)
    for language in ("zh", "en"):
        click.echo(message("cli.worklist", language, rows=made.rows, identified=made.identified, audit=made.audit))


def _account() -> str:
    """The name of the account that runs this, as the system knows it; its number where it has no name."""
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def _plain(result: Any) -> Any:
    """A result object as JSON types, paths as text."""
    from dataclasses import asdict, is_dataclass

    fields = asdict(result) if is_dataclass(result) and not isinstance(result, type) else vars(result)
    return json.loads(json.dumps(fields, default=str, ensure_ascii=False))
