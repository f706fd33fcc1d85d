"""A report's declaration, ``reports/<name>.yml``: its chapters, typed parameters, regions, languages and calendar."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

import yaml

from aidlib.reference import problem, regions
from aidlib.reference.messages import suggestion
from aidlib.report import registry
from aidlib.report.content import LANGUAGES, Sentence
from aidlib.report.parameters import PERIOD, REGION, Parameter

FORMATS = ("html", "pdf", "xlsx")
STATES = ("draft", "approved")
AUDIENCES = ("public",)
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_NOTEBOOK = re.compile(r"\d\d_[a-z][a-z0-9_]{0,39}")
_CRON = re.compile(r"[\d*/,-]+( [\d*/,-]+){4}")
_REQUIRED = ("name", "title", "chapters", "parameters", "regions", "languages", "formats", "state", "audience")
_OPTIONAL = ("calendar", "since", "staleness", "findings", "approval")


@dataclass(frozen=True)
class Declaration:
    """What a report is. title: zh and en; chapters: notebook names without .ipynb, in reading order.

    calendar: cron and timezone; since: the first period; staleness: months after which a missing edition is no longer
    caught up; state: draft or approved (approval: office zh, en and date); findings: sentences over chapter.key.
    """

    name: str
    title: Mapping[str, str]
    chapters: tuple[str, ...]
    parameters: Mapping[str, Parameter]
    regions: tuple[str, ...]
    languages: tuple[str, ...]
    formats: tuple[str, ...]
    state: str
    audience: str
    calendar: Mapping[str, str] = field(default_factory=dict)
    since: str = ""
    staleness: int = 0
    findings: tuple[Sentence, ...] = ()
    approval: Mapping[str, str] = field(default_factory=dict)
    file: str = ""

    def check(self, values: Mapping[str, str]) -> dict[str, Any]:
        """The values of all parameters, typed; those not given take their default.

        values: as typed on a command line. Raises Problem for a name the report does not have, a missing value, and a
        value that is ill-typed, out of range or choice, or unsafe; the value itself is never repeated.
        """
        for name in values:
            if name not in self.parameters:
                allowed = ", ".join(self.parameters)
                raise problem(
                    "report.unknown_parameter",
                    wrong_use=True,
                    report=self.name,
                    name=name[:40],
                    allowed=allowed,
                    **suggestion(name, list(self.parameters), 0.5),
                )
        return {name: self._value(parameter, values) for name, parameter in self.parameters.items()}

    def check_notebook(self, notebook: Path) -> None:
        """Check that the notebook's parameters cell assigns exactly the declared names. Raises Problem."""
        odd = parameters_of(notebook) ^ set(self.parameters)
        if odd:
            names = ", ".join(sorted(odd))
            raise problem("report.parameters_differ", notebook=notebook.name, names=names, file=self.file)

    def _value(self, parameter: Parameter, values: Mapping[str, str]) -> Any:
        if parameter.name not in values:
            if parameter.default is None:
                raise problem(
                    "report.missing_parameter",
                    wrong_use=True,
                    report=self.name,
                    name=parameter.name,
                    help_zh=parameter.help["zh"],
                    help_en=parameter.help["en"],
                )
            return parameter.default
        value = parameter.read(values[parameter.name])
        known = {
            *self.regions,
            *regions()["code"],
        }  # any place may be asked for; the declared ones are made on schedule
        if parameter.name == "region" and value not in known:
            allowed = ", ".join(self.regions)
            raise problem("report.unknown_region", wrong_use=True, report=self.name, region=str(value), allowed=allowed)
        return value


def declaration(path: Path) -> Declaration:
    """The declaration in the YAML file ``path``. Raises Problem naming the place for anything but a right one."""
    if not path.is_file():
        known = sorted(each.stem for each in path.parent.glob("*.yml"))
        raise problem(
            "report.no_declaration",
            wrong_use=True,
            file=path.name,
            known=", ".join(known) or "–",
            **suggestion(path.stem, known, 0.5),
        )
    try:
        raw = yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)
    except yaml.YAMLError as error:
        line = getattr(getattr(error, "problem_mark", None), "line", 0) + 1
        raise _wrong(path.name, f"line {line}", "不是合规的 YAML", "not valid YAML") from error
    return _declaration(raw, path)


def chapter_name(notebook: str) -> str:
    """The chapter that a notebook writes: its name without the number that gives the reading order."""
    return notebook.partition("_")[2]


def parameters_of(notebook: Path) -> set[str]:
    """Names that the cell tagged ``parameters`` assigns. Raises Problem unless there is one, of plain literals only."""
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    except (OSError, ValueError, KeyError) as error:
        raise problem("general.missing_file", file=notebook.name) from error
    tagged = [cell for cell in cells if "parameters" in cell.get("metadata", {}).get("tags", [])]
    if len(tagged) != 1:
        raise _bad_cell(notebook, f"应恰有一个，实有 {len(tagged)} 个", f"there must be one; there are {len(tagged)}")
    source = tagged[0]["source"]
    names: list[str] = []
    try:
        for statement in ast.parse(source if isinstance(source, str) else "".join(source)).body:
            names.append(_assigned(statement))
    except (SyntaxError, ValueError) as error:
        raise _bad_cell(notebook, "只能是“名称 = 字面值”", "only 'name = literal' may stand there") from error
    return set(names)


def _assigned(statement: ast.stmt) -> str:
    """The name of a plain assignment of a literal; ValueError for any other statement."""
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target, value = statement.targets[0], statement.value
    elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
        target, value = statement.target, statement.value
    else:
        raise ValueError("no assignment")
    ast.literal_eval(value)
    if not isinstance(target, ast.Name):
        raise ValueError("no plain name")
    return target.id


def _declaration(raw: Any, path: Path) -> Declaration:
    where = path.name
    if not isinstance(raw, dict):
        raise _wrong(where, "–", "应为一组“名称: 值”", "must be a mapping")
    missing = [key for key in _REQUIRED if key not in raw]
    unknown = [str(key) for key in raw if key not in (*_REQUIRED, *_OPTIONAL)]
    if missing or unknown:
        raise _wrong(where, ", ".join(missing + unknown), "缺少或多余的项目", "missing or unknown")
    if raw["name"] != path.stem or not _NAME.fullmatch(path.stem):
        raise _wrong(
            where, "name", "应与文件名相同，且为小写标识符", "must be the file's name, a lower-case identifier"
        )
    return Declaration(
        name=raw["name"],
        title=_texts(raw["title"], where, "title"),
        chapters=_listed(raw, "chapters", where, _NOTEBOOK),
        parameters=_parameters(raw["parameters"], where),
        regions=_listed(raw, "regions", where, REGION),
        languages=_among(raw, "languages", where, LANGUAGES),
        formats=_among(raw, "formats", where, FORMATS),
        state=_among(raw, "state", where, STATES)[0],
        audience=_among(raw, "audience", where, AUDIENCES)[0],
        calendar=_calendar(raw.get("calendar", {}), where),
        since=_since(raw.get("since", ""), where),
        staleness=_staleness(raw.get("staleness", 0), where),
        findings=tuple(_finding(each, where) for each in raw.get("findings", [])),
        approval=_approval(raw, where),
        file=where,
    )


def _parameters(raw: Any, where: str) -> dict[str, Parameter]:
    if not isinstance(raw, dict) or not {"period", "region"} <= set(raw):
        raise _wrong(where, "parameters", "必须含 period 与 region", "must hold period and region")
    found = {}
    for name, spec in raw.items():
        place = f"parameters.{name}"
        if not _NAME.fullmatch(str(name)) or not isinstance(spec, dict):
            raise _wrong(where, place, "应为小写名称及其说明", "must be a lower-case name and its description")
        try:
            found[name] = Parameter(name=name, **spec | {"help": _texts(spec.get("help"), where, f"{place}.help")})
        except (TypeError, ValueError) as error:
            raise _wrong(
                where, place, "类型、默认值、选项或范围不对", "wrong type, default, choices or range"
            ) from error
    return found


def _texts(raw: Any, where: str, place: str) -> dict[str, str]:
    if not isinstance(raw, dict) or set(raw) != set(LANGUAGES) or not all(str(text).strip() for text in raw.values()):
        raise _wrong(where, place, "应同时给出 zh 与 en", "must give zh and en")
    return {language: str(raw[language]) for language in LANGUAGES}


def _listed(raw: dict[str, Any], place: str, where: str, pattern: re.Pattern[str]) -> tuple[str, ...]:
    values = raw[place]
    right = isinstance(values, list) and values and all(isinstance(v, str) and pattern.fullmatch(v) for v in values)
    if not right or len(set(values)) != len(values):
        raise _wrong(
            where, place, "应为不重复的合规名称列表", f"must be a list of different names like {pattern.pattern}"
        )
    return tuple(values)


def _among(raw: dict[str, Any], place: str, where: str, allowed: tuple[str, ...]) -> tuple[str, ...]:
    values = raw[place] if isinstance(raw[place], list) else [raw[place]]
    if not values or any(value not in allowed for value in values) or len(set(values)) != len(values):
        raise _wrong(where, place, f"可用：{', '.join(allowed)}", f"choose from {', '.join(allowed)}")
    return tuple(values)


def _calendar(raw: Any, where: str) -> dict[str, str]:
    if not raw:
        return {}
    right = isinstance(raw, dict) and set(raw) == {"cron", "timezone"} and _CRON.fullmatch(str(raw["cron"]))
    if not right or raw["timezone"] not in available_timezones():
        raise _wrong(where, "calendar", "应有五段 cron 与时区名", "needs a cron of five fields and a time zone")
    return {"cron": str(raw["cron"]), "timezone": str(raw["timezone"])}


def _since(raw: Any, where: str) -> str:
    if raw and not PERIOD.fullmatch(str(raw)):
        raise _wrong(where, "since", "应写作 2018、2018-Q1 或 2018-01", "write 2018, 2018-Q1 or 2018-01")
    return str(raw)


def _staleness(raw: Any, where: str) -> int:
    if not isinstance(raw, int) or isinstance(raw, bool) or raw < 0:
        raise _wrong(where, "staleness", "应为月数", "must be a number of months")
    return raw


def _finding(raw: Any, where: str) -> Sentence:
    texts = _texts(raw, where, "findings")
    zh, en = ({name.number for name in registry.references(texts[language])} for language in LANGUAGES)
    if zh != en:
        raise problem("report.languages_differ", references=", ".join(sorted(zh ^ en)))
    return Sentence(texts["zh"], texts["en"])


def _approval(raw: dict[str, Any], where: str) -> dict[str, str]:
    """Office and date of an approved report; a draft has none."""
    given = raw.get("approval", {})
    if raw["state"] == "draft" and not given:
        return {}
    if not isinstance(given, dict) or set(given) != {"zh", "en", "date"} or raw["state"] == "draft":
        raise _wrong(
            where, "approval", "定稿须有单位 zh、en 与 date", "an approved report needs its office zh, en and date"
        )
    return {key: str(value) for key, value in given.items()}


def _wrong(where: str, place: str, zh: str, en: str) -> Exception:
    return problem("report.bad_declaration", wrong_use=True, file=where, place=place, detail_zh=zh, detail_en=en)


def _bad_cell(notebook: Path, zh: str, en: str) -> Exception:
    return problem("report.bad_parameters_cell", notebook=notebook.name, detail_zh=zh, detail_en=en)
