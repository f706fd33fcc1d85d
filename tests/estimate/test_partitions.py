"""Estimates over folders of Parquet files equal those of the same rows in memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import aidlib.estimate as memory
from aidlib.estimate import Design, Estimates, partitions
from aidlib.estimate.design import Calibration, Replicates
from aidlib.estimate.partitions import Engine
from aidlib.poverty import fgt
from aidlib.reference import Problem

EXACT = 1e-11  # sums in another order
DESIGN = Design("weight", "stratum", "psu")


def survey(seed: int = 1, rows: int = 4000) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    stratum = rng.integers(0, 6, rows)
    psu = stratum * 12 + rng.integers(0, 12, rows)
    return pd.DataFrame(
        {
            "region": np.array(["0990100", "0990200", "0990300"])[stratum % 3],
            "year": np.where(psu % 2 == 0, 2024, 2025),
            "sex": rng.choice(["男", "女"], rows),
            "stratum": stratum,
            "psu": psu,
            "ssu": psu * 4 + rng.integers(0, 4, rows),
            "first": 0.3,
            "second": 0.2,
            "weight": rng.uniform(0.5, 4, rows),
            "income": rng.lognormal(6.5, 0.7, rows),
            "size": rng.integers(1, 6, rows).astype(float),
            "line": rng.choice([500.0, 700.0], rows),
            "poor": (rng.uniform(size=rows) < 0.3).astype(float),
            "working": rng.uniform(size=rows) < 0.5,
        }
    )


def spoiled() -> pd.DataFrame:
    """Missing values and domains, negative values, weights of zero and a whole cluster without a value."""
    found = survey(2)
    rng = np.random.default_rng(3)
    for column, value in {"income": np.nan, "poor": np.nan, "line": np.nan, "sex": None, "weight": 0.0}.items():
        found.loc[rng.choice(len(found), 150, replace=False), column] = value
    found.loc[found["psu"] == found["psu"].iloc[0], "income"] = np.nan
    found.loc[rng.choice(len(found), 60, replace=False), "income"] = -20.0
    return found


def stored(folder: Path, sample: pd.DataFrame, *, hive: bool = False) -> Path:
    for (region, year), part in sample.groupby(["region", "year"]):
        place = folder / f"region={region}" / f"year={year}" if hive else folder
        place.mkdir(parents=True, exist_ok=True)
        half = len(part) // 2
        for number, piece in enumerate((part.iloc[:half], part.iloc[half:])):
            piece = piece.drop(columns=["region", "year"]) if hive else piece
            piece.to_parquet(place / f"{region}_{year}_{number}.parquet")
    return folder


CALLS: dict[str, tuple[Callable[..., Estimates], Callable[..., Estimates]]] = {
    "mean": (
        lambda s, d, **o: memory.mean(s, d, "income", **o),
        lambda f, d, **o: partitions.mean(f, d, "income", **o),
    ),
    "mean of a flag": (
        lambda s, d, **o: memory.mean(s, d, "poor", **o),
        lambda f, d, **o: partitions.mean(f, d, "poor", **o),
    ),
    "total": (
        lambda s, d, **o: memory.total(s, d, "income", **o),
        lambda f, d, **o: partitions.total(f, d, "income", **o),
    ),
    "ratio": (
        lambda s, d, **o: memory.ratio(s, d, "income", "size", **o),
        lambda f, d, **o: partitions.ratio(f, d, "income", "size", **o),
    ),
    "proportion": (
        lambda s, d, **o: memory.proportion(s, d, "poor", **o),
        lambda f, d, **o: partitions.proportion(f, d, "poor", **o),
    ),
    "proportion of yes": (
        lambda s, d, **o: memory.proportion(s, d, "working", **o),
        lambda f, d, **o: partitions.proportion(f, d, "working", **o),
    ),
    "headcount": (
        lambda s, d, **o: fgt(s, d, "income", line=600.0, multiple=1.5, **o),
        lambda f, d, **o: partitions.fgt(f, d, "income", line=600.0, multiple=1.5, **o),
    ),
    "severity": (
        lambda s, d, **o: fgt(s, d, "income", line="line", alpha=2, **o),
        lambda f, d, **o: partitions.fgt(f, d, "income", line="line", alpha=2, **o),
    ),
}


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    sample = survey()
    return sample, stored(tmp_path_factory.mktemp("clean"), sample)


@pytest.fixture(scope="module")
def dirty(tmp_path_factory):
    sample = spoiled()
    return sample, stored(tmp_path_factory.mktemp("dirty"), sample)


def assert_equal(found: Estimates, expected: Estimates) -> None:
    pd.testing.assert_frame_equal(found.rows, expected.rows, rtol=EXACT, atol=1e-14)
    assert np.allclose(found.covariance, expected.covariance, rtol=EXACT, atol=EXACT * expected.covariance.max())
    for field in ("domains", "unit", "kind", "method", "base", "additive", "margins"):
        assert getattr(found, field) == getattr(expected, field), field


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("by", [None, "region", ["sex", "region"]], ids=str)
@pytest.mark.parametrize("which", ["clean", "dirty"])
def test_figures_are_those_of_the_rows_in_memory(request, name, by, which):
    sample, folder = request.getfixturevalue(which)
    inside, outside = CALLS[name]
    options = {"by": by, "margins": by is not None, "df": "domain" if by == "region" else "design"}
    assert_equal(outside(folder, DESIGN, **options), inside(sample, DESIGN, **options))


@pytest.mark.parametrize(
    "design",
    [
        Design("weight", None, "psu"),
        Design(None, "stratum", "psu"),
        Design("weight", "stratum", ["psu", "ssu"], ["first", "second"]),
        Design("weight", "stratum", "psu", "first"),
    ],
    ids=["no strata", "no weight", "two stages", "fraction"],
)
def test_every_stage_of_a_design_is_kept(clean, design):
    sample, folder = clean
    assert_equal(
        partitions.mean(folder, design, "income", by="region"), memory.mean(sample, design, "income", by="region")
    )


def test_names_of_folders_are_columns(tmp_path):
    sample = survey(4)
    folder = stored(tmp_path, sample, hive=True)
    found = partitions.total(folder, DESIGN, "income", by=["region", "year"])
    assert_equal(found, memory.total(sample, DESIGN, "income", by=["region", "year"]))


def test_not_a_number_is_missing_though_no_statistics_tell(tmp_path):
    sample = survey(5)
    import pyarrow as pa
    import pyarrow.parquet as pq

    values = sample["income"].to_numpy().copy()
    values[:7] = np.nan
    table = pa.Table.from_pandas(sample).set_column(
        sample.columns.get_loc("income"), "income", pa.array(values, from_pandas=False)
    )
    pq.write_table(table, tmp_path / "one.parquet")
    for inside, outside in (CALLS["mean"], CALLS["headcount"]):
        assert_equal(outside(tmp_path, DESIGN, by="sex"), inside(sample.assign(income=values), DESIGN, by="sex"))


def test_one_thread_gives_the_same_bits_again(clean):
    first, second = (
        partitions.mean(clean[1], DESIGN, "income", by="region", engine=Engine(threads=1, memory="200MB"))
        for _ in range(2)
    )
    pd.testing.assert_frame_equal(first.rows, second.rows, check_exact=True)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_a_dask_cluster_gives_the_same_figures(clean, dirty, workers):
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        for sample, folder in (clean, dirty):
            for inside, outside in (CALLS["mean"], CALLS["headcount"]):
                engine = Engine(scheduler=client, parts=3)
                found = outside(folder, DESIGN, by=["sex", "region"], engine=engine)
                assert_equal(found, inside(sample, DESIGN, by=["sex", "region"]))
                again = outside(folder, DESIGN, by=["sex", "region"], engine=engine)
                pd.testing.assert_frame_equal(found.rows, again.rows, check_exact=True)


BAD = {
    "estimate.bad_weight": lambda s: s.assign(weight=s["weight"].where(s.index != 5, -1.0)),
    "estimate.infinite": lambda s: s.assign(income=s["income"].where(s.index != 5, np.inf)),
    "estimate.missing_design": lambda s: s.assign(weight=s["weight"].where(s.index > 2)),
    "estimate.lonely_psu": lambda s: s.assign(psu=s["psu"].where(s["stratum"] > 0, 0)),
    "estimate.crossing": lambda s: s.assign(psu=s["psu"].where(s["psu"] != 14, 2)),
    "estimate.no_column": lambda s: s.drop(columns="income"),
    "estimate.not_numeric": lambda s: s.assign(income="much"),
}


@pytest.mark.parametrize("key", BAD)
def test_what_is_refused_in_memory_is_refused_in_a_folder(tmp_path, key):
    sample = BAD[key](survey(6))
    folder = stored(tmp_path, sample)
    with pytest.raises(Problem) as inside:
        memory.mean(sample, DESIGN, "income", by="sex")
    with pytest.raises(Problem) as outside:
        partitions.mean(folder, DESIGN, "income", by="sex")
    assert (outside.value.key, str(outside.value)) == (key, str(inside.value))


def test_missing_strata_are_counted_in_rows(tmp_path):
    folder = stored(
        tmp_path, survey(7).astype({"stratum": float}).assign(stratum=lambda s: s["stratum"].where(s.index > 8))
    )
    with pytest.raises(Problem) as caught:
        partitions.mean(folder, DESIGN, "income")
    assert (caught.value.key, caught.value.values["rows"]) == ("estimate.missing_design", 9)


def test_lines_and_shares_are_checked(clean):
    folder = clean[1]
    for line in (0.0, -5.0):
        with pytest.raises(Problem, match="line"):
            partitions.fgt(folder, DESIGN, "income", line=line)
    with pytest.raises(Problem) as caught:
        partitions.proportion(folder, DESIGN, "income")
    assert caught.value.key == "estimate.not_binary"
    with pytest.raises(Problem) as caught:
        partitions.fgt(folder, DESIGN, "income", line=600.0, interval="none")
    assert caught.value.key == "estimate.option"


@pytest.mark.parametrize(
    "design",
    [
        Design("weight"),
        Design.census(),
        Design("weight", psu="psu", replicates=Replicates(["weight"])),
        Design("weight", psu="psu", calibration=(Calibration(("sex",), "weight"),)),
    ],
    ids=["no clusters", "census", "replicates", "calibrated"],
)
def test_designs_that_need_every_row_are_refused(clean, design):
    with pytest.raises(Problem) as caught:
        partitions.mean(clean[1], design, "income")
    assert caught.value.key == "estimate.partition_design"


def test_an_empty_folder_is_named(tmp_path):
    with pytest.raises(Problem, match=tmp_path.name):
        partitions.mean(tmp_path, DESIGN, "income")
