"""Precomputed summaries equal plain queries over the full tables: on a random store, with every filter."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as parquet
import pytest

from benchmarks.million_store import make_store
from db.connect import Store, open_store
from db.parts import write_part
from db.query import GROUPS
from db.where import where
from osteo_core.programme.cohort import CohortFilter
from osteo_core.programme.follow_up import State
from osteo_core.terms import Category, Sex, Vendor
from tests.benchmarks.test_million import headers

FILTERS = (
    CohortFilter(),
    CohortFilter(vendors=(Vendor.GE, Vendor.PHILIPS)),
    CohortFilter(sexes=(Sex.FEMALE, Sex.UNKNOWN)),
    CohortFilter(age_from=55),
    CohortFilter(age_to=74),
    CohortFilter(categories=(Category.OSTEOPOROSIS, Category.NORMAL)),
    CohortFilter(flagged=True),
    CohortFilter(review=True),
    CohortFilter(simulated=True),
    CohortFilter(scanners=("LightSpeed VCT",)),
    CohortFilter(sites=("e0",)),
    CohortFilter(studied_from=date(2024, 6, 1)),
    CohortFilter(studied_to=date(2025, 6, 1)),
    CohortFilter(states=(State.CONFIRMED, State.TO_REVIEW)),
    CohortFilter(overdue=True),
    CohortFilter(text="sens"),
    CohortFilter(sexes=(Sex.MALE,), age_from=60, age_to=80, vendors=(Vendor.SIEMENS,), studied_from=date(2024, 1, 1)),
)
GROUP = {
    "all": "'all'",
    "sex": "patient_sex",
    "vendor": "vendor",
    "scanner": "coalesce(manufacturer_model_name, 'unknown')",
    "site": "coalesce(site_key, 'unknown')",
    "period": "coalesce(year(study_date) || ' Q' || quarter(study_date), 'unknown')",
    "age_band": "CASE WHEN patient_age_years IS NULL THEN 'unknown' WHEN patient_age_years < 50 THEN 'under 50' "
    "WHEN patient_age_years < 60 THEN '50-59' WHEN patient_age_years < 70 THEN '60-69' "
    "WHEN patient_age_years < 80 THEN '70-79' ELSE '80 and over' END",
}
LATEST = "study_date DESC NULLS LAST, is_preferred DESC, (md5_number_lower(series_key) % 65536) DESC"


def test_every_field_of_the_filter_is_asked_here() -> None:
    nothing = CohortFilter()
    asked = {f.name for c in FILTERS for f in fields(c) if getattr(c, f.name) != getattr(nothing, f.name)}
    by_notes = {"assignee", "snoozed", "changed", "since"}  # follow-up fields: tests/db/test_follow_up.py
    assert asked == {f.name for f in fields(CohortFilter)} - by_notes
    assert set(GROUP) == set(GROUPS)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """1,500 series in several parts; some headers were read again with less information."""
    folder = tmp_path_factory.mktemp("mixed") / "store"
    make_store(folder, series=1500, headers=headers())
    with open_store(folder) as store:
        write_part(folder, "series", read_again(store.table("series")))
        store.take_in()
        yield store


def read_again(series: pa.Table) -> pa.Table:
    rng = np.random.default_rng(5)
    some = series.take(pa.array(np.flatnonzero(rng.random(len(series)) < 0.5)))

    def set_column(name: str, values: Any) -> None:
        nonlocal some
        some = some.set_column(some.schema.get_field_index(name), some.schema.field(name), values)

    for name in ("patient_age_years", "study_date", "kvp", "site_key", "device_key", "manufacturer_model_name"):
        known = pa.array(rng.random(len(some)) < 0.8)
        set_column(name, pc.if_else(known, some[name], pa.scalar(None, some.schema.field(name).type)))
    set_column("patient_sex", pc.if_else(pa.array(rng.random(len(some)) < 0.8), some["patient_sex"], "unknown"))
    set_column("site_key", pc.if_else(pa.array(rng.random(len(some)) < 0.8), some["site_key"], "e0"))
    set_column("indexed_at", pc.add(some["indexed_at"], pa.scalar(timedelta(days=1))))
    set_column("index_id", pa.array([f"again{k}" for k in range(len(some))]))
    return some


def plain(store: Store, cohort: CohortFilter, sql: str) -> list[tuple[Any, ...]]:
    """Rows of a plain query, in which {F} stands for the filter."""
    clause, values = where(cohort)
    return store._cursor().sql(sql.replace("{F}", clause), params=values or None).fetchall()


def short(store: Store, name: str, cohort: CohortFilter, **given: Any) -> list[tuple[Any, ...]]:
    table = store.query(name, cohort=cohort, **given)
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


@pytest.mark.parametrize("by", GROUP)
def test_prevalence(mixed: Store, by: str) -> None:
    sql = f"""
    SELECT
        {GROUP[by]} AS g,
        CASE WHEN patient_age_years >= 50 THEN least(5 * floor(patient_age_years / 5), 85)::INTEGER END AS a,
        count(*) FILTER (has), count(*) FILTER (NOT has), count(*) FILTER (has AND category = 'osteoporosis'),
        count(*) FILTER (has AND category = 'low bone mass'), count(*) FILTER (has AND category = 'normal')
    FROM (
        SELECT *, coalesce(status = 'measured' AND category <> 'not reportable', false) AS has
        FROM cohort WHERE {{F}}
        QUALIFY row_number() OVER (PARTITION BY patient_key ORDER BY has DESC, {LATEST}) = 1
    )
    GROUP BY ALL"""
    for cohort in FILTERS:
        found = short(mixed, "prevalence", cohort, by=by)
        assert sorted(found, key=str) == sorted(plain(mixed, cohort, sql), key=str)
        assert found or cohort == FILTERS[-1]


@pytest.mark.parametrize("by", ["site", "sex", "age_band"])
def test_equity(mixed: Store, by: str) -> None:
    ended = "('not confirmed', 'no action', 'closed', '12-month contact')"
    sql = f"""
    SELECT
        first({GROUP[by]} ORDER BY {LATEST}) AS g, bool_or(status = 'measured') AS m,
        bool_or(follow_state IS NOT NULL) AS f, coalesce(bool_and(follow_state IN {ended}), false) AS c
    FROM cohort WHERE {{F}} GROUP BY patient_key"""
    for cohort in FILTERS:
        rows = plain(mixed, cohort, sql)
        expected = {
            name: (
                sum(g == name for g, *_ in rows),
                sum(m for g, m, _, _ in rows if g == name),
                sum(m and f for g, m, f, _ in rows if g == name),
                sum(f for g, _, f, _ in rows if g == name),
                sum(f and c for g, _, f, c in rows if g == name),
            )
            for name in {row[0] for row in rows}
        }
        assert {row[0]: row[1:] for row in short(mixed, "equity", cohort, by=by)} == expected


def test_patients_of_the_summary(mixed: Store) -> None:
    for cohort in FILTERS:
        (row,) = mixed.query("cohort_summary", cohort=cohort).to_pylist()
        assert [(row["n_series"], row["n_patients"])] == plain(
            mixed, cohort, "SELECT count(*), count(DISTINCT patient_key) FROM cohort WHERE {F}"
        )


@pytest.mark.parametrize("by_level", [False, True])
def test_pairs(mixed: Store, by_level: bool) -> None:
    sql = f"""
    WITH reference AS (
        SELECT * FROM reference_values
        QUALIFY row_number() OVER (PARTITION BY patient_key, level, mineral ORDER BY imported_at DESC, source) = 1
    ),
    candidate AS (
        SELECT * FROM cohort WHERE status = 'measured' AND mean_vbmd_mg_cm3 IS NOT NULL AND {{F}}
    ),
    found AS (
        SELECT c.*, NULL AS level, mean_vbmd_mg_cm3 AS vbmd FROM candidate AS c WHERE {not by_level}
        UNION ALL
        SELECT c.*, m.level, m.vbmd_mg_cm3 FROM candidate AS c JOIN measurements AS m USING (result_id)
        WHERE {by_level} AND m.exclusion_code IS NULL AND m.vbmd_mg_cm3 IS NOT NULL
    )
    SELECT
        f.series_key, f.patient_key, f.patient_number, f.vendor, coalesce(f.level, 0), f.vbmd,
        r.vbmd_mg_cm3, r.mineral, r.source
    FROM found AS f JOIN reference AS r
        ON r.patient_key = f.patient_key AND r.level IS NOT DISTINCT FROM f.level AND r.mineral = f.calibration_mineral
    QUALIFY f.series_key = first(f.series_key) OVER (
        PARTITION BY f.patient_key ORDER BY {LATEST.rsplit(",", 1)[0]}, f.series_key
    )
    ORDER BY 1, 5"""
    for cohort in FILTERS:
        assert short(mixed, "agreement_pairs", cohort, by_level=by_level) == plain(mixed, cohort, sql)
    assert len(short(mixed, "agreement_pairs", CohortFilter(), by_level=by_level)) > 20


def test_drift(mixed: Store) -> None:
    sql = """
    WITH p AS (
        SELECT
            coalesce(device_key, manufacturer_model_name, vendor) AS scanner, study_date AS day,
            CASE WHEN patient_age_years IS NOT NULL THEN patient_sex || floor(patient_age_years / 5) END AS age,
            kvp || contrast_phase AS beam, mean_vbmd_mg_cm3 AS vbmd, fat_mean_hu AS fat, muscle_mean_hu AS muscle
        FROM cohort
        WHERE status = 'measured' AND mean_vbmd_mg_cm3 IS NOT NULL AND study_date IS NOT NULL AND {F}
    ),
    q AS (
        SELECT
            *,
            CASE WHEN age IS NOT NULL AND count(*) OVER (PARTITION BY age) >= 5
                THEN vbmd - avg(vbmd) OVER (PARTITION BY age) END AS v,
            CASE WHEN beam IS NOT NULL AND count(*) OVER (PARTITION BY beam) >= 5
                THEN fat - avg(fat) OVER (PARTITION BY beam) END AS f,
            CASE WHEN beam IS NOT NULL AND count(*) OVER (PARTITION BY beam) >= 5
                THEN muscle - avg(muscle) OVER (PARTITION BY beam) END AS m
        FROM p
    )
    SELECT
        scanner, day, count(v), avg(v), coalesce(var_pop(v) * count(v), 0), count(f), avg(f), count(m), avg(m),
        coalesce(var_pop(m) * count(m), 0)
    FROM q GROUP BY ALL"""
    names = "vbmd_n vbmd_mean vbmd_squares fat_n fat_mean muscle_n muscle_mean muscle_squares".split()
    for cohort in FILTERS:
        scanners = mixed.query("drift_scanners", cohort=cohort, limit=10_000).to_pylist()
        known = {r["device"]: r["scanner"] for r in scanners}
        table = mixed.query("drift_days", cohort=cohort, devices=list(known))
        found = {known[r["device"]] + str(r["day"]): [r[name] for name in names] for r in table.to_pylist()}
        expected = {row[0] + str(row[1]): row[2:] for row in plain(mixed, cohort, sql)}
        assert found.keys() == expected.keys()
        for key, values in found.items():
            assert [x or 0 for x in values] == pytest.approx([x or 0 for x in expected[key]], abs=1e-6)


def test_a_rebuilt_store_gives_the_same_whatever_its_numbers(mixed: Store, tmp_path: Path) -> None:
    """Parts taken in one by one in another order: different row numbers, the same answers."""
    for part in sorted((mixed.store_dir / "parts").rglob("*.parquet"), key=lambda path: path.name[-9:]):
        kind = part.name.rsplit("-", 1)[0]
        with open_store(tmp_path / "again") as store:
            write_part(store.store_dir, kind, parquet.read_table(part))
            store.take_in()
    with open_store(tmp_path / "again") as store:
        for by in GROUP:
            assert short(store, "prevalence", FILTERS[0], by=by) == short(mixed, "prevalence", FILTERS[0], by=by)
        for by_level in (False, True):
            again, before = (one.query("agreement_pairs", by_level=by_level) for one in (store, mixed))
            assert again.drop(["patient"]).equals(before.drop(["patient"]))
