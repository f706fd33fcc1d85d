"""`write`: the whole demonstration survey, from parameters to files, and the sealed truth beside them."""

from __future__ import annotations

import json
import shutil
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aidlib.demo import parameters
from aidlib.demo.dirt import Account, Dirt
from aidlib.demo.exports import LARGE, Laid, list_layout, survey_layout, write_csv, write_list, write_survey
from aidlib.demo.files import Files, make_files
from aidlib.demo.lists import Listed, aid_rows, condolence_rows, decision_rows, register_rows
from aidlib.demo.parameters import CITIES, CITY_NAMES, YEARS, Parameters
from aidlib.demo.people import make_people
from aidlib.demo.places import Places, make_places
from aidlib.demo.register import Register, make_register
from aidlib.demo.shapes import AID, DECISIONS, REGISTER
from aidlib.demo.survey_rows import Sample, Wave, make_sample, make_wave
from aidlib.demo.truth import truth_of
from aidlib.demo.units import draw_units
from aidlib.reference import problem

Progress = Callable[..., None]
_WRITERS = 2


@dataclass(frozen=True)
class Summary:
    """What was written. rows: data rows of all files, with repeated and broken ones; bytes: of all files."""

    folder: str
    truth: str
    preset: str
    households: int
    interviews: int
    files: int
    rows: int
    bytes: int

    def __str__(self) -> str:
        return (
            f"{self.folder}  模拟调查 demonstration survey ({self.preset})\n"
            f"  {self.households} 户 households · {self.interviews} 次访问 visits · {self.rows} 行 rows · "
            f"{self.files} 个文件 files · {self.bytes / 1e6:.1f} MB"
        )


def write(
    out: Path,
    households: int = 4000,
    waves: int = 8,
    seed: int = 20180701,
    preset: str = "default",  # the documented name of the option
    progress: Progress | None = None,
) -> Summary:
    """Write the raw exports into ``out`` and the planted truth into ``out``.truth.json.

    households: size of the hardship sample over all years (the demonstration's other samples scale with it). waves:
    how many of the yearly waves 2018 … 2025 are written, the last ones; the register is always whole. The same
    arguments give the same bytes. Problem where ``out`` holds anything but an earlier demonstration.
    """
    p = parameters.preset(preset, households)
    _make_room(Path(out))
    tell = progress or (lambda *_: None)
    return _Demo(p, Path(out), seed, waves, tell).write()


def truth_path(out: Path) -> Path:
    """Where the planted truth of the exports in ``out`` lies: beside the folder, not in it."""
    return out.with_name(out.name + ".truth.json")


def _make_room(out: Path) -> None:
    """An earlier demonstration is replaced; any other content stays, and is refused."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        if not truth_path(out).is_file():
            raise problem("demo.not_empty", folder=out.name)
        shutil.rmtree(out)
    out.mkdir(parents=True, exist_ok=True)


class _Writers:
    """Files are written by two threads while the next are made; few wait, so that memory is bounded.

    Threads are enough: most of the work is done by Arrow and zlib, which let others run meanwhile.
    """

    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor(_WRITERS)
        self.pending: deque[Future[None]] = deque()

    def put(self, work: Callable[..., None], *arguments: Any) -> None:
        """Have ``work`` done; raises what an earlier one raised."""
        if len(self.pending) == 2 * _WRITERS:
            self.pending.popleft().result()
        self.pending.append(self.pool.submit(work, *arguments))

    def close(self) -> None:
        """Wait for all."""
        with self.pool:
            while self.pending:
                self.pending.popleft().result()


class _Demo:
    """The parts of one demonstration survey while it is written."""

    def __init__(self, p: Parameters, out: Path, seed: int, waves: int, tell: Progress) -> None:
        self.p, self.out, self.seed, self.tell = p, out, seed, tell
        self.first = len(YEARS) - waves
        self.places: Places = make_places(p, seed)
        self.register: Register = make_register(p, self.places, seed)
        self.files: Files = make_files(p, self.places, self.register, seed)
        units = draw_units(p, self.places, self.register, seed)
        people = make_people(p, self.places, units, seed)
        mine = units.source >= 0
        self.files.size[units.source[mine]] = people.size[mine]
        self.sample: Sample = make_sample(p, self.places, self.register, self.files, units, people, seed)
        self.dirt = Dirt(p, seed)
        self.writers = _Writers()
        self.account = Account(places=p.households <= LARGE)
        self.interviews = 0
        self.facts: dict[str, list[dict[str, np.ndarray]]] = {
            "register": [],
            "aid": [],
            "condolence": [],
            "decisions": [],
        }

    def write(self) -> Summary:
        """All files in order, then the truth."""
        steps = [
            (t, work)
            for t in range(len(YEARS))
            for work in (self._survey, self._aid, self._condolence, self._decisions)
        ]
        steps = [(t, work) for t, work in steps if work != self._survey or t >= self.first]
        self._register()
        for done, (t, work) in enumerate(steps, 1):
            self.tell("demo", done, len(steps))
            work(t)
        truth = self._sealed()
        self.writers.close()
        truth_path(self.out).write_text(truth, encoding="utf-8")
        made = sorted(path for path in self.out.iterdir() if path.is_file())
        return Summary(
            str(self.out), str(truth_path(self.out)), self.p.preset, self.p.households, self.interviews, len(made),
            self.account.rows(), sum(path.stat().st_size for path in made),
        )  # fmt: skip

    def _survey(self, t: int) -> None:
        heaping = self.dirt.heaping_interviewer(self.sample)
        wave: Wave = make_wave(self.p, self.places, self.sample, t, self.seed, heaping)
        self.interviews += int(wave.complete.sum())
        names = [
            f"{CITIES[s // 2]}-{s % 2 + 1}{k + 1:02d}"
            for s, k in zip(self.places.stratum, self.places.number, strict=True)
        ]
        columns, city, sheet, fate, marks = self.dirt.survey(wave, self.sample, last=t == len(YEARS) - 1)
        laid = survey_layout(wave.year, city, sheet, names, self.p.households)
        self.account.add(laid, fate, marks)
        self.writers.put(write_survey, self.out, wave.year, columns, laid)

    def _register(self) -> None:
        rows = register_rows(self.p, self.places, self.register, self.files, self.seed)
        self.facts["register"].append(rows.facts)
        shown = self.places.drawn[rows.facts["psu"]] | (self.p.households <= 20_000)
        columns, fate, marks = self.dirt.register(rows, self.register, self.files)
        laid = []
        for c, code in enumerate(CITIES):
            mine = np.flatnonzero((rows.city == c) & shown)
            part = Laid(f"档案登记册_{code}_{CITY_NAMES[c]}.csv", "", mine, 2, len(mine) + 1)
            laid.append(part)
            write_csv(self.out / part.file, [list(REGISTER.values())], [columns[k].take(mine) for k in REGISTER])
        self.account.add(laid, fate, marks)

    def _aid(self, t: int) -> None:
        rows = aid_rows(self.p, self.places, self.register, self.files, self.sample, t, self.seed)
        self.facts["aid"].append(rows.facts)
        columns, fate, marks = self.dirt.aid(rows, self.register, self.files, t)
        part = Laid(f"帮扶记录_{YEARS[t]}.csv", "", np.arange(len(rows.city)), 2, len(rows.city) + 1)
        write_csv(self.out / part.file, [list(AID.values())], [columns[k] for k in AID])
        self.account.add([part], fate, marks)

    def _condolence(self, t: int) -> None:
        rows = condolence_rows(self.p, self.places, self.register, self.files, self.sample, t, self.seed)
        self.facts["condolence"].append(rows.facts)
        self._list(f"送温暖慰问_{YEARS[t]}", AID, rows, f"{YEARS[t]}年送温暖慰问发放表")

    def _decisions(self, t: int) -> None:
        rows = decision_rows(self.p, self.places, self.register, self.files, t, self.seed)
        self.facts["decisions"].append(rows.facts)
        self._list(f"审批记录_{YEARS[t]}", DECISIONS, rows, f"{YEARS[t]}年困难职工申请审批表")

    def _list(self, stem: str, headings: dict[str, str], rows: Listed, title: str) -> None:
        n = len(rows.city)
        part = list_layout(f"{stem}.csv" if self.p.households > LARGE else f"{stem}.xlsx", n)
        self.writers.put(write_list, self.out / part.file, headings, rows.columns, part, title)
        self.account.add([part], np.zeros(n, np.int8), [])

    def _truth(self) -> dict[str, Any]:
        if not self.facts["register"]:  # nothing was written: the lists' facts are made for the truth alone
            rows = register_rows(self.p, self.places, self.register, self.files, self.seed)
            self.facts["register"].append(rows.facts)
        return truth_of(self.p, self.places, self.register, self.files, self.sample, self.facts, self.first)

    def _sealed(self) -> str:
        told = self._truth() | {"seed": self.seed, "dirt": self.account.dirt(), "account": self.account.table()}
        return json.dumps(told, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
