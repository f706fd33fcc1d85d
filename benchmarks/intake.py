"""Import of a large survey in csv: rows a second and peak memory, beside the time that a bare pandas.read_csv takes."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

WEIGHTS = np.array([7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2])
MAPPING = """
demo: false
kinds:
  interviews:
    table: households
    match: ["*.csv"]
    groups:
      - {table: members, numbers: ["", 1, 2], headings: ["{column}{n}"], first: {relation: 本人}}
"""
STAGE = """
import json, resource, sys, time
from pathlib import Path
from aidlib.intake import import_files
start = time.perf_counter()
made = import_files([Path(sys.argv[1])], "bench", sys.argv[2], project=Path(sys.argv[3]))
account = made.account[["read", "accepted", "quarantined"]].sum().to_dict()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({"seconds": time.perf_counter() - start, "peak": peak, **{k: int(v) for k, v in account.items()}}))
"""


def run(small: bool = False) -> list[dict[str, object]]:
    """100,000 households × 8 waves (small: 2,000 × 2), one csv a wave; the peer reads the same files."""

    households, waves = (2_000, 2) if small else (100_000, 8)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        raw, project = folder / "raw", folder / "project"
        (project / "data" / "sources").mkdir(parents=True)
        (project / "data" / "sources" / "bench.yml").write_text(MAPPING, encoding="utf-8")
        raw.mkdir()
        for wave in range(waves):
            write_wave(raw / f"wave{2018 + wave}.csv", households, 2018 + wave)
        size = sum(path.stat().st_size for path in raw.iterdir())
        command = [sys.executable, "-c", STAGE, str(raw), str(folder / "store"), str(project)]
        environment = {**os.environ, "AIDLIB_KEY_FILE": str(folder / "key")}
        told = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
        found = json.loads(told.stdout.splitlines()[-1])
        start = time.perf_counter()
        for path in sorted(raw.iterdir()):
            pd.read_csv(path, dtype="str")
        peer = time.perf_counter() - start
    return [
        {"what": f"import {households:,} households x {waves} waves, csv", "seconds": round(found["seconds"], 1),
         "rows/s": round(found["read"] / found["seconds"]), "peak MB": round(found["peak"] / 1e6),
         "csv MB": round(size / 1e6), "x pandas.read_csv": round(found["seconds"] / peer, 1)}
    ]  # fmt: skip


def write_wave(path: Path, households: int, year: int) -> None:
    """One wave: households with worker, spouse and child, right identity numbers, and some cells written by hand."""
    rng = np.random.default_rng(year)
    at = np.arange(households)
    income = 600 + (at * 37) % 3000
    frame = pd.DataFrame(
        {
            "家庭编号": np.char.add("H", at.astype(str)),
            "年度": year,
            "地区": np.array(["甲市", "乙市", "990300", "丁"])[at % 4],
            "层": np.char.add("S", (at % 8).astype(str)),
            "所属工会": np.char.add("U", (at % 200).astype(str)),
            "权数": np.round(2 + (at % 17) / 7, 4),
            "家庭人口": 3,
            "入户日期": np.array([f"{year}-09-10", f"{year}年10月", f"{year}.11", f"{year}1020"])[at % 4],
            "当地低保标准": 800,
            "人均月收入": np.where(rng.random(households) < 0.02, "约1500", income.astype(str)),
            "家庭年可支配收入": income * 36,
            "主要致困原因": np.array(["6", "患病", "9.子女上学", "下岗"])[at % 4],
            "次要致困原因": np.array(["无", "6,9", "患病、子女上学", ""])[at % 4],
            "困难类别": np.array(["深度困难", "相对困难"])[at % 2],
            "是否享受低保": np.array(["是", "否"])[at % 2],
            "生活满意度": at % 11,
            "调查员编号": np.char.add("I", (at % 180).astype(str)),
        }
    )
    for k, (suffix, relation, born) in enumerate([("", "本人", 1970), ("1", "配偶", 1972), ("2", "子女", 2004)]):
        frame[f"姓名{suffix}"] = np.char.add("某", at.astype(str))
        frame[f"身份证号{suffix}"] = identity_numbers(at, born, k)
        frame[f"关系{suffix}"] = relation
        frame[f"月收入{suffix}"] = income
        frame[f"健康状况{suffix}"] = np.array(["良好", "糖尿病"])[at % 2]
    frame.to_csv(path, index=False)


def identity_numbers(at: np.ndarray, born: int, sex: int) -> np.ndarray:
    """Invented identity numbers with the right check digit; distinct for 250,000 households."""
    day, sequence = at // 500, (at % 500) * 2 + sex % 2
    date = (np.datetime64(f"{born}-01-01") + day % 360).astype(str)
    head = np.char.add(np.char.add("990101", np.char.replace(date, "-", "")), np.char.zfill(sequence.astype(str), 3))
    digits = head.astype("S17").view(np.uint8).reshape(-1, 17).astype(int) - 48
    return np.char.add(head, np.array(list("10X98765432"))[digits @ WEIGHTS % 11])


if __name__ == "__main__":
    print(run(small="--small" in sys.argv), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
