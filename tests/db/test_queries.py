"""Every query on a small store: the right rows, from the owner and the snapshot alike."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from db import rows
from db.connect import Snapshot, Store, open_snapshot, open_store
from db.events import record
from db.parts import write_part, write_parts
from db.query import EVERYBODY, QUERIES, parameters_of, query_names, run_query, takes_cohort
from db.records import found_of
from osteo_core.archives import status_of
from osteo_core.errors import BrokenPromiseError, UsageError
from osteo_core.events import new_event
from osteo_core.measuring import MEASURING_VERSION
from osteo_core.outcomes import Caution, CautionCode, Exclusion, ExclusionCode
from osteo_core.programme.cohort import CohortFilter
from osteo_core.programme.planning import Plan
from osteo_core.programme.prevalence import AGE_BANDS, age_band
from osteo_core.programme.versions import Version
from osteo_core.records import Event, Found, SeriesResult
from osteo_core.terms import Category, ContrastPhase, Level, Mineral, Sex, Status, Step, Vendor
from tests.builders.cohort import MODEL_HASH, SETTINGS_HASH, build_cohort, build_references, key_of
from tests.builders.drift import drifting_cohort
from tests.builders.regressors import reading
from tests.builders.store import write_results
from tests.builders.worklist import worklist

RESULTS = build_cohort(28)
PARAMETERS: dict[str, Any] = {
    "hidden": [],
    "result_id": "none",
    "width": 10.0,
    "limit": 5,
    "devices": [1, 2],
    "offset": 2,
    "series_key": key_of(0),
    "by": "sex",
    "by_level": False,
    "code": "too_thick",
    "kind": "left out",
    "steps": ["find"],
    "first": datetime(2026, 1, 1, tzinfo=UTC),
    "second": datetime(2026, 1, 2, tzinfo=UTC),
    "since": datetime(2026, 1, 1, tzinfo=UTC),
    "model_hash": MODEL_HASH,
    "settings_hash": SETTINGS_HASH,
    "measuring_version": MEASURING_VERSION,
    "own": [],
    "least": 2,
    "spread": 1.0,
    "retry": False,
    "with_keys": False,
    "accession_keys": [],
    "patient_keys": [key_of(n, "patient") for n in range(9)],
    "salt": "s",
    "now": datetime(2026, 12, 1, tzinfo=UTC),
    "sort": "age",
    "descending": True,
    "vendor": "GE",
    "manufacturer_model_name": "Discovery CT750 HD",
    "kvp": 120.0,
    "kernel_group": "standard",
    "series_keys": [key_of(n) for n in range(9)],
    "paths": ["/data/ct/1.dcm"],
    "keys": [key_of(n) for n in range(9)],
    **Version(model=MODEL_HASH).parameters(),
    **Version().parameters("first_"),
    **Version(settings=SETTINGS_HASH).parameters("second_"),
}
#: Queries without an order of their own, with a column to sort by.
IN_NO_ORDER = {"export_cohort": "series"}
COHORT = CohortFilter(
    vendors=(Vendor.GE, Vendor.SIEMENS),
    sexes=(Sex.FEMALE, Sex.MALE),
    age_from=50.0,
    age_to=80.0,
    categories=tuple(Category),
    simulated=True,
    text="s",
)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with open_store(tmp_path_factory.mktemp("empty")) as opened:
        yield opened


@pytest.fixture(scope="module")
def snapshot(filled: Store) -> Iterator[Snapshot]:
    with open_snapshot(filled.store_dir) as opened:
        yield opened


def ask(store: Store, name: str, cohort: CohortFilter = EVERYBODY, **params: Any) -> list[dict[str, Any]]:
    given = {key: PARAMETERS[key] for key in parameters_of(name)} | params
    return store.query(name, cohort=cohort, **given).to_pylist()


def measured() -> list[SeriesResult]:
    return [result for result in RESULTS if result.status is Status.MEASURED]


@pytest.mark.parametrize("name", query_names())
def test_owner_and_snapshot_answer_alike(filled: Store, snapshot: Snapshot, name: str) -> None:
    given = {key: PARAMETERS[key] for key in parameters_of(name)}
    for cohort in (EVERYBODY, COHORT) if takes_cohort(name) else (EVERYBODY,):
        read, owned = snapshot.query(name, cohort=cohort, **given), filled.query(name, cohort=cohort, **given)
        assert read.schema == owned.schema
        if name in IN_NO_ORDER:
            read, owned = (table.sort_by(IN_NO_ORDER[name]) for table in (read, owned))
        for column in read.column_names:
            if str(read.schema.field(column).type) == "double":  # the order of summation changes the last digits
                np.testing.assert_allclose(read[column].to_numpy(), owned[column].to_numpy(), rtol=1e-12, atol=1e-9)
            else:
                assert read[column].equals(owned[column])


@pytest.mark.parametrize("name", query_names())
def test_each_query_says_what_it_answers(name: str) -> None:
    assert (QUERIES / f"{name}.sql").read_text().startswith("-- ")


@pytest.mark.parametrize("name", query_names())
def test_an_empty_store_answers_every_query(empty: Store, name: str) -> None:
    found = ask(empty, name)
    assert found == [] or set(found[0].values()) == {0}


def test_a_wrong_name_or_parameter_is_our_bug(filled: Store) -> None:
    with pytest.raises(BrokenPromiseError, match="there is no query 'all_patients'"):
        filled.query("all_patients")
    with pytest.raises(BrokenPromiseError, match=r"'drift_scanners' takes \['limit'\], got \['offset'\]"):
        filled.query("drift_scanners", offset=3)
    with pytest.raises(BrokenPromiseError, match=r"'equity' groups by .*, got 'patient_key'"):
        filled.query("equity", by="patient_key")
    with pytest.raises(BrokenPromiseError, match="'runs' takes no cohort filter"):
        filled.query("runs", cohort=COHORT)


def test_summary_counts_everybody(filled: Store) -> None:
    (row,) = ask(filled, "cohort_summary")
    assert (row["n_series"], row["n_measured"], row["n_excluded"], row["n_failed"]) == (28, 24, 4, 0)
    assert row["n_flagged"] == sum(bool(r.assessment and r.assessment.is_flagged) for r in RESULTS)
    assert (row["n_patients"], row["n_simulated"], row["n_waiting"]) == (28, 28, 0)
    counts = Counter(str(r.assessment.category) for r in measured())
    found = Counter[str]()
    for r in ask(filled, "vbmd_histogram"):
        found[r["category"]] += r["n"]
    assert found == counts


def test_histogram_holds_every_mean(filled: Store) -> None:
    values = [r.assessment.mean_vbmd_mg_cm3.value for r in measured()]
    expected = Counter(10.0 * (value // 10.0) for value in values)
    assert {r["bin_low"]: r["n"] for r in ask(filled, "vbmd_histogram")} == expected


def test_the_worklist_holds_everybody_once_flagged_first_then_by_vbmd(filled: Store) -> None:
    listed = worklist(filled)
    expected = sorted(
        measured(),
        key=lambda r: (not r.assessment.is_flagged, r.assessment.mean_vbmd_mg_cm3.value, r.series.series_key),
    )
    assert [row["series_key"] for row in listed] == [r.series.series_key for r in expected]
    assert ask(filled, "worklist_count") == [{"n": 24}]
    first = expected[0].assessment
    assert (listed[0]["flag_reason"], listed[0]["mean_vbmd_mg_cm3"]) == (
        first.flag_reason,
        first.mean_vbmd_mg_cm3.value,
    )


def test_a_flagged_series_without_a_sound_level_is_listed_too(store: Store) -> None:
    lost = replace(measured()[0], status=Status.EXCLUDED, measurements=())
    lost = replace(lost, assessment=replace(lost.assessment, is_flagged=True, mean_vbmd_mg_cm3=None))
    write_results(store.store_dir, [lost, measured()[1]])
    store.take_in()
    assert [row["mean_vbmd_mg_cm3"] is None for row in worklist(store)] == [True, False]
    assert ask(store, "worklist_count") == [{"n": 2}]


@pytest.mark.parametrize(
    ("cohort", "keep"),
    [
        (CohortFilter(vendors=(Vendor.GE, Vendor.UIH)), lambda r: r.series.vendor in (Vendor.GE, Vendor.UIH)),
        (CohortFilter(sexes=(Sex.FEMALE,)), lambda r: r.series.patient_sex is Sex.FEMALE),
        (CohortFilter(age_from=60, age_to=70), lambda r: 60 <= int(r.series.patient_age_years) <= 70),
        (CohortFilter(flagged=True), lambda r: bool(r.assessment and r.assessment.is_flagged)),
        (CohortFilter(simulated=False), lambda r: False),
        (CohortFilter(text="disc"), lambda r: "Discovery" in r.series.manufacturer_model_name),
        (CohortFilter(text=key_of(3, "patient")[:12].upper()), lambda r: r.series.patient_key == key_of(3, "patient")),
        (
            CohortFilter(categories=(Category.OSTEOPOROSIS,)),
            lambda r: bool(r.assessment and r.assessment.category is Category.OSTEOPOROSIS),
        ),
    ],
)
def test_each_field_of_the_filter(filled: Store, cohort: CohortFilter, keep) -> None:
    (row,) = ask(filled, "cohort_summary", cohort)
    assert row["n_series"] == sum(keep(result) for result in RESULTS)


@pytest.mark.parametrize("text", ["'; DROP TABLE cohort; --", "%", "$limit", "/*cohort*/ TRUE", "\\", "ü"])
def test_what_a_person_types_is_a_value_and_never_code(filled: Store, text: str) -> None:
    assert ask(filled, "cohort_summary", CohortFilter(text=text))[0]["n_series"] == 0
    assert ask(filled, "cohort_summary")[0]["n_series"] == 28


def test_patient_and_its_lists(filled: Store) -> None:
    result = next(r for r in measured() if r.exclusions)
    key = result.series.series_key
    (row,) = ask(filled, "patient", series_key=key)
    mean = result.assessment.mean_vbmd_mg_cm3
    assert tuple(row[f"mean_vbmd_{end}mg_cm3"] for end in ("", "low_", "high_")) == (mean.value, mean.low, mean.high)
    assert (row["status"], row["levels_used"]) == ("measured", [int(level) for level in result.assessment.levels_used])
    assert (row["anchor"], row["calibration_mineral"], row["pixel_spacing_row_mm"]) == (
        "sacrum and last rib",
        "K2HPO4",
        0.8,
    )
    assert row["engine"] == "builder"
    levels = ask(filled, "patient_levels", series_key=key)
    assert {tuple(r[f"regressed_{end}mg_cm3"] for end in ("", "low_", "high_")) for r in levels} == {(None, None, None)}
    assert [(r["level"], r["median_hu"]) for r in levels] == [(int(m.level), m.median_hu) for m in result.measurements]
    assert levels[0]["exclusion_sentence"] == "This vertebra looks fractured (grade 2)."
    exclusions = ask(filled, "patient_exclusions", series_key=key)
    assert [(r["code"], r["level"]) for r in exclusions] == [("fractured", int(Level.L1))]
    cautions = ask(filled, "patient_cautions", series_key=key)
    assert [r["sentence"] for r in cautions] == [c.sentence for c in result.cautions]
    assert [r["name"] for r in ask(filled, "patient_tissues", series_key=key)] == ["fat", "muscle"]
    of_result = {"series_key": key, "result_id": row["result_id"]}
    assert [r["level"] for r in ask(filled, "result_segmentation", **of_result)] == [20, 21, 22, 23, 24]
    assert ask(filled, "patient", series_key="not there") == []


@pytest.mark.parametrize("by", ["all", "sex", "age_band", "vendor"])
def test_prevalence_counts_every_patient_once(filled: Store, by: str) -> None:
    found = ask(filled, "prevalence", by=by)
    group = {
        "all": lambda r: "all",
        "sex": lambda r: str(r.series.patient_sex),
        "vendor": lambda r: str(r.series.vendor),
        "age_band": lambda r: age_band(r.series.patient_age_years),
    }[by]
    counts, lows = Counter[str](), Counter[str]()
    for r in found:
        counts[r["group"]] += r["n"] + r["missing"]
        lows[r["group"]] += r["osteoporosis"]
    assert counts == Counter(group(r) for r in RESULTS)
    assert +lows == Counter(group(r) for r in measured() if r.assessment.category is Category.OSTEOPOROSIS)
    assert all(r["n"] == r["osteoporosis"] + r["low_bone_mass"] + r["normal"] for r in found)


@pytest.mark.parametrize("by", ["all", "sex", "age_band", "period"])
def test_a_version_that_everything_has_is_the_current_one(filled: Store, by: str) -> None:
    anything, same = Version().parameters(), Version(model=MODEL_HASH, settings=SETTINGS_HASH).parameters()
    expected = ask(filled, "prevalence", by=by)
    assert ask(filled, "version_prevalence", by=by, **anything) == expected
    assert ask(filled, "version_prevalence", by=by, **same) == expected
    assert ask(filled, "version_agreement", **same) == ask(filled, "agreement_pairs")
    missing = ask(filled, "version_prevalence", by=by, **Version(model="f" * 64).parameters())
    assert sum(row["n"] for row in missing) == 0
    assert sum(row["missing"] for row in missing) == len(RESULTS)


def test_age_bands_of_the_query_are_those_of_the_programme(store: Store) -> None:
    ages = [49.9, 50.0, 59.9, 60.0, 69.99, 70.0, 79.0, 80.0, 101.0, None]
    base = measured()[0]
    results = [
        replace(
            base,
            series=replace(base.series, series_key=f"{n:016x}", patient_key=f"{n:016x}", patient_age_years=age),
        )
        for n, age in enumerate(ages)
    ]
    write_results(store.store_dir, results)
    store.take_in()
    found = Counter[str]()
    for row in ask(store, "prevalence", by="age_band"):
        found[row["group"]] += row["n"] + row["missing"]
    assert found == Counter(age_band(age) for age in ages)
    assert list(found) == [*(name for name, _, _ in AGE_BANDS), "unknown"]


def test_a_patient_with_two_studies_counts_once_by_the_latest_with_a_category(store: Store) -> None:
    base = next(r for r in measured() if r.assessment.category is Category.NORMAL)
    older = replace(
        base,
        series=replace(base.series, series_key="0" * 16, study_date=date(2020, 1, 1)),
        assessment=replace(base.assessment, category=Category.OSTEOPOROSIS),
    )
    newest = replace(
        base,
        series=replace(base.series, series_key="1" * 16, study_date=date(2027, 1, 1)),
        status=Status.FAILED,
        assessment=None,
        measurements=(),
    )
    write_results(store.store_dir, [older, base, newest])
    store.take_in()
    (row,) = ask(store, "prevalence", by="all")
    assert (row["n"], row["missing"], row["osteoporosis"], row["normal"]) == (1, 0, 0, 1)


def test_pairs_join_by_patient_level_and_mineral(filled: Store, store: Store) -> None:
    references = {value.patient_key: value.vbmd_mg_cm3 for value in build_references(RESULTS)}
    pairs = ask(filled, "agreement_pairs")
    assert {p["patient_key"]: p["reference_vbmd"] for p in pairs} == references
    assert ask(filled, "agreement_pairs", by_level=True) == []
    result, value = measured()[1], build_references(RESULTS)[1]
    write_results(store.store_dir, [result])
    imports = [
        (replace(value, level=Level.L2, vbmd_mg_cm3=70.0), 0),
        (replace(value, level=Level.L2, vbmd_mg_cm3=77.0), 1),
        (replace(value, level=Level.L2, vbmd_mg_cm3=99.0, mineral="HA"), 2),
    ]
    for reference, day in imports:
        at = datetime(2026, 11, 1, tzinfo=UTC) + timedelta(days=day)
        write_part(store.store_dir, "reference_values", rows.reference_table([reference], at=at))
    store.take_in()
    (pair,) = ask(store, "agreement_pairs", by_level=True)
    assert (pair["level"], pair["reference_vbmd"]) == (int(Level.L2), 77.0)
    assert pair["vbmd"] == result.measurements[1].vbmd_mg_cm3.value


def two_studies(result: SeriesResult, **latest: Any) -> list[SeriesResult]:
    """An earlier study of this patient, key of 0s, and a later one, key of 1s, with changes to its result."""
    series = [
        replace(result.series, series_key=str(n) * 16, study_key=str(n) * 16, study_date=date(2025 + n, 1, 1))
        for n in range(2)
    ]
    return [replace(result, series=series[0]), replace(result, series=series[1], **latest)]


def with_qct(store: Store, results: list[SeriesResult]) -> None:
    (value,) = build_references(results[:1])
    write_results(store.store_dir, results)
    write_part(store.store_dir, "reference_values", rows.reference_table([value]))
    store.take_in()


def test_the_latest_ct_that_can_be_compared_counts(store: Store) -> None:
    """The latest CT is in a different mineral from QCT; the one before is not."""
    result = measured()[1]
    line = replace(result.assessment.calibration, mineral=Mineral.HA)
    with_qct(store, two_studies(result, assessment=replace(result.assessment, calibration=line)))
    for name, given in (("agreement_pairs", {}), ("version_agreement", Version().parameters())):
        (pair,) = ask(store, name, **given)
        assert (pair["series_key"], pair["mineral"]) == ("0" * 16, "K2HPO4")


def test_the_latest_native_ct_makes_the_pair_of_a_line(store: Store) -> None:
    result = replace(measured()[1], contrast_phase=ContrastPhase.NATIVE)
    studies = two_studies(result, contrast_phase=ContrastPhase.PORTAL_VENOUS)
    with_qct(store, studies)
    (pair,) = ask(store, "qct_hu_pairs")
    assert pair["study_date"] == date(2025, 1, 1)
    used = [m.median_hu for m in result.measurements if m.level in result.assessment.levels_used]
    assert pair["hu"] == pytest.approx(sum(used) / len(used))


def test_the_flow_adds_up_and_lists_its_series(filled: Store) -> None:
    counts = ask(filled, "exclusion_counts")
    assert sum(r["n"] for r in counts if not r["is_level"]) == 4
    assert sum(r["n"] for r in counts if r["is_level"]) == sum(len(r.exclusions) for r in measured())
    for row in counts:
        if not row["is_level"]:
            assert len(box(filled, "left out", steps=[row["step"]], code=row["code"])) == row["n"]
    (thick,) = {row["sentence"] for row in box(filled, "left out", steps=["find"], code="too_thick")}
    assert thick == "Slices are 7.5 mm thick; at most 5 mm can be measured."
    assert len(box(filled, "found")) == len(box(filled, "processed")) == 28
    assert len(box(filled, "left out", steps=list(Step))) == 4
    assert len(box(filled, "goes on", steps=list(Step))) == 24
    ends = ask(filled, "flow_ends")
    assert {row["category"]: row["n"] for row in ends} == Counter(str(r.assessment.category) for r in measured())
    for row in ends:
        assert len(box(filled, "category", code=row["category"])) == row["n"]
    with_qct = {value.patient_key for value in build_references(RESULTS)}
    assert sum(row["n_with_qct"] for row in ends) == sum(r.series.patient_key in with_qct for r in measured())


def box(store: Store, kind: str, *, steps: Sequence[str] = (), code: str = "") -> list[dict[str, Any]]:
    """The series in one box of the flow diagram."""
    return ask(store, "flow_series", kind=kind, steps=[str(step) for step in steps], code=code, limit=1000)


def test_index_then_analysis_then_a_lost_preference(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "a.dcm"
    file.write_bytes(b"x" * 7)
    result = measured()[0]
    series = replace(result.series, files=(file,), image_type=("ORIGINAL", "PRIMARY"), stack_label="_stack2")
    caution = Caution(code=CautionCode.STEP_DIFFERS, step=Step.FIND, found="2 and 3 mm", level=Level.L1)
    out = Exclusion(code=ExclusionCode.LOCALISER, step=Step.FIND)
    other = replace(series, series_key="f" * 16, series_instance_uid="1.9", files=())
    found = Found(series=(series,), excluded=((other, out),), cautions={series.series_key: (caution,)})
    noon = datetime(2026, 11, 24, 12, tzinfo=UTC)
    write_parts(store.store_dir, rows.indexed_tables(found, at=noon))
    store.take_in()
    (row,) = ask(store, "cohort_summary")
    assert (row["n_series"], row["n_waiting"], row["n_excluded"]) == (2, 1, 1)
    assert [len(box(store, kind)) for kind in ("found", "processed", "waiting")] == [2, 1, 1]
    assert [len(box(store, "goes on", steps=steps)) for steps in (["find"], ["find", "read"])] == [1, 0]
    (known,) = ask(store, "known_files")
    assert known == {
        "path": str(file),
        "size_bytes": 7,
        "mtime_ns": file.stat().st_mtime_ns,
        "about_hash": "",
        "patient_id_key": series.patient_key,
        "study_uid_key": series.study_key,
    }
    key = {
        "model_hash": MODEL_HASH,
        "settings_hash": SETTINGS_HASH,
        "measuring_version": MEASURING_VERSION,
        "retry": False,
    }
    waiting = found_of(store.query("waiting_series", own=[], **key), store.query("waiting_cautions", **key))
    as_seen = tuple(status_of(file) for file in series.files)
    assert waiting.series == (replace(series, series_instance_uid=series.series_key, file_stamps=as_seen),)
    assert waiting.cautions == {series.series_key: (caution,)}
    write_results(store.store_dir, [result])
    store.take_in()
    assert ask(store, "waiting_series") == []
    other = f"{series.series_key} {'a' * 12}"  # its mask has changed since
    assert ask(store, "waiting_series", model_hash="", own=[f"{series.series_key} {MODEL_HASH}", other]) == []
    assert len(ask(store, "waiting_series", model_hash="", own=[other])) == 1
    assert len(ask(store, "waiting_series", model_hash="", own=[f"x {MODEL_HASH}"])) == 1
    assert ask(store, "patient", series_key=series.series_key)[0]["files"] == [str(file)]
    assert ask(store, "patient", series_key=series.series_key)[0]["status"] == "measured"
    passed = Exclusion(code=ExclusionCode.NOT_PREFERRED, step=Step.FIND, found="thinner slices")
    again = Found(excluded=((replace(series, is_preferred=False), passed),))
    write_parts(store.store_dir, rows.indexed_tables(again, at=noon + timedelta(days=1)))
    store.take_in()
    row = ask(store, "patient", series_key=series.series_key)[0]
    assert (row["status"], row["mean_vbmd_mg_cm3"], row["first_exclusion_code"]) == ("excluded", None, "not_preferred")
    assert [r["sentence"] for r in box(store, "left out", steps=["find"], code="not_preferred")] == [passed.sentence]


def test_a_result_counts_only_for_the_files_it_was_made_from(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "a.dcm"
    file.write_bytes(b"x" * 7)
    noon = datetime(2026, 11, 24, 12, tzinfo=UTC)
    first = measured()[0]
    found = Found(series=(replace(first.series, files=(file,)),))

    def is_waiting_after(*, index_at: float | None = None, result_at: float | None = None) -> bool:
        if index_at is not None:
            write_parts(store.store_dir, rows.indexed_tables(found, at=noon + timedelta(hours=index_at)))
        if result_at is not None:
            at = noon + timedelta(hours=result_at)
            write_results(store.store_dir, [replace(first, finished_at=at, seconds=600.0)])
        store.take_in()
        return bool(ask(store, "waiting_series"))

    assert is_waiting_after(index_at=0)
    assert not is_waiting_after(result_at=1)
    assert not is_waiting_after(index_at=2)  # read again unchanged, like a study's other folders
    file.write_bytes(b"x" * 8)
    assert is_waiting_after(index_at=3)
    assert is_waiting_after(result_at=3.1)  # started before the change
    assert is_waiting_after(index_at=4)
    assert not is_waiting_after(result_at=5)
    file.write_bytes(b"x" * 9)
    assert is_waiting_after(index_at=6)
    sign(store, first, noon + timedelta(hours=7))
    assert ask(store, "waiting_series"), "a reader signs what the screen shows; the new files are still to be measured"


def sign(
    store: Store, result: SeriesResult, at: datetime, *, role: str = "first reader", has_result: bool = True
) -> None:
    """The result as signed by a reader, with the signature, or only one of the two."""
    if has_result:
        write_results(store.store_dir, [replace(result, finished_at=at, is_read=True)])
    if role:
        key, payload = result.series.series_key, json.dumps({"role": role})
        event = Event(event_id=f"{at}", kind="read signed", series_key=key, author=role, at=at, payload_json=payload)
        record(store.store_dir, event)
    store.take_in()


def test_what_a_reader_signed_counts_once_its_signature_is_there(store: Store) -> None:
    noon, first = datetime(2026, 11, 24, 12, tzinfo=UTC), measured()[0]

    def read_at() -> datetime | None:
        (row,) = ask(store, "worklist_rows", series_keys=[first.series.series_key])
        return row["finished_at"] if row["is_read"] else None

    hours = [noon + timedelta(hours=n) for n in range(6)]
    write_results(store.store_dir, [replace(first, finished_at=hours[0])])
    store.take_in()
    sign(store, first, hours[1], role="")
    assert read_at() is None
    sign(store, first, hours[1], has_result=False)
    assert read_at() == hours[1]
    sign(store, first, hours[2], role="")
    assert read_at() == hours[1], "one without a signature changes nothing"
    sign(store, first, hours[3], role="second reader", has_result=False)
    assert read_at() == hours[1], "nor does a second reader's signature make it count"
    sign(store, first, hours[4])
    assert read_at() == hours[4]
    sound = store._connection.execute(
        "SELECT finished_at = ? FROM sound_results WHERE is_read ORDER BY ALL", [hours[2]]
    )
    assert sound.fetchall() == [(False,), (False,)], "it stays one that does not count"


def test_a_series_without_a_category_says_why_and_is_left_out_of_the_flow(store: Store) -> None:
    (result,) = build_cohort(1)
    assert result.assessment is not None
    young = Exclusion(code=ExclusionCode.YOUNG, step=Step.ASSESS, found="44 years", limit="50")
    assessment = replace(result.assessment, category=Category.NOT_REPORTABLE, is_flagged=False, flag_reason="")
    young_result = replace(result, assessment=assessment, exclusions=(young, *result.exclusions))
    write_results(store.store_dir, [young_result])
    store.take_in()
    (row,) = worklist(store)
    assert (row["category"], row["first_exclusion_sentence"]) == ("not reportable", young.sentence)
    (counted,) = [row for row in ask(store, "exclusion_counts") if not row["is_level"]]
    assert (counted["step"], counted["code"], counted["n"]) == ("assess", "too_young_for_category", 1)
    assert [row["sentence"] for row in box(store, "left out", steps=["assess"])] == [young.sentence]
    (numbers,) = ask(store, "cohort_summary")
    assert (numbers["n_measured"], numbers["n_categorised"]) == (1, 0)


def test_failed_are_the_series_that_failed_whatever_is_stated_of_the_others(store: Store) -> None:
    """Home counts the same series as failed as the flow does."""
    first, second = measured()[:2]
    assert first.assessment is not None
    unstated = replace(first, assessment=replace(first.assessment, category=Category.NOT_REPORTABLE), exclusions=())
    failed = replace(second, status=Status.FAILED, assessment=None, exclusions=())
    write_results(store.store_dir, [unstated, failed])
    store.take_in()
    counts = {row["step"]: (row["code"], row["n"]) for row in ask(store, "exclusion_counts") if not row["is_level"]}
    assert counts == {"assess": ("reason not stated", 1), "run": ("reason not stated", 1)}
    (numbers,) = ask(store, "cohort_summary")
    assert numbers["n_failed"] == 1
    for result, step in ((unstated, "assess"), (failed, "run")):
        assert [row["series_key"] for row in box(store, "left out", steps=[step])] == [result.series.series_key]


def test_what_is_to_review_can_be_asked_for(filled: Store) -> None:
    expected = {r.series.series_key for r in measured() if r.assessment and r.assessment.review_reasons}
    found = worklist(filled, CohortFilter(review=True))
    assert {row["series_key"] for row in found} == expected
    rest = worklist(filled, CohortFilter(review=False))
    assert len(found) + len(rest) == len(measured())


def test_a_patient_knows_the_other_series(store: Store) -> None:
    first, second = build_cohort(2)
    same = replace(second, series=replace(second.series, patient_key=first.series.patient_key))
    write_results(store.store_dir, [first, same])
    store.take_in()
    (other,) = ask(store, "patient_series", series_key=first.series.series_key)
    assert (other["series_key"], other["status"]) == (second.series.series_key, "measured")


def test_events_are_kept_in_order(store: Store) -> None:
    at = datetime(2026, 11, 24, 12, tzinfo=UTC)
    for number, kind in enumerate(("reviewed", "reported")):
        event = Event(
            event_id=f"e{number}",
            kind=kind,
            series_key=key_of(0),
            author="reader",
            at=at + timedelta(hours=number),
            payload_json='{"seen": true}',
        )
        record(store.store_dir, event)
        record(store.store_dir, event)
    store.take_in()
    kinds = store._cursor().execute('SELECT kind FROM events ORDER BY "at"').fetchall()
    assert kinds == [("reviewed",), ("reported",)]
    assert run_query(store._cursor(), "follow_up_history", series_key="x").num_rows == 0


def test_an_event_whose_payload_is_no_json_or_whose_moment_has_no_zone_is_refused(tmp_path: Path) -> None:
    event = Event(event_id="e", kind="k", series_key="s", author="a", at=datetime(2026, 1, 1, tzinfo=UTC))
    with pytest.raises(ValueError, match="Expecting value"):
        record(tmp_path, replace(event, payload_json="reviewed"))
    with pytest.raises(ValueError, match="must carry its time zone"):
        record(tmp_path, replace(event, at=datetime(2026, 1, 1)))


def test_runs_and_calibrations(filled: Store) -> None:
    (run,) = ask(filled, "runs")
    assert (run["model_hash"], run["n_series"]) == (MODEL_HASH, 28)
    (line,) = ask(filled, "calibrations")
    assert (line["name"], line["series"], line["slope"]) == ("published line, 120 kVp", 24, 0.74)
    options = {(r["field"], r["value"]): r["n"] for r in ask(filled, "filter_options")}
    assert sum(n for (field, _), n in options.items() if field == "scanner") == 28


def test_drift_days_hold_the_residuals_of_each_scanner(store: Store) -> None:
    results = drifting_cohort(days=12, patients=6)
    write_results(store.store_dir, results)
    store.take_in()
    scanners = {r["device"]: r["scanner"] for r in ask(store, "drift_scanners", limit=9)}
    days = ask(store, "drift_days", devices=list(scanners))
    rows = {(scanners[r["device"]], r["day"]): r for r in days}
    groups: dict[tuple[Any, ...], list[float]] = {}
    for r in results:
        groups.setdefault((r.series.patient_sex, r.series.patient_age_years // 5), []).append(mean_of(r))
    norms = {group: sum(values) / len(values) for group, values in groups.items() if len(values) >= 5}
    fat = sum(r.tissues.samples[0].mean_hu for r in results) / len(results)
    day, device = results[0].series.study_date, results[0].series.device_key
    mine = [r for r in results if (r.series.study_date, r.series.device_key) == (day, device)]
    offs = [
        mean_of(r) - norms[group]
        for r in mine
        if (group := (r.series.patient_sex, r.series.patient_age_years // 5)) in norms
    ]
    row = rows[device, day]
    assert row["vbmd_n"] == len(offs)
    assert row["vbmd_mean"] == pytest.approx(sum(offs) / len(offs))
    assert row["vbmd_squares"] == pytest.approx(sum((x - sum(offs) / len(offs)) ** 2 for x in offs))
    assert row["fat_mean"] == pytest.approx(sum(r.tissues.samples[0].mean_hu for r in mine) / len(mine) - fat)
    assert {key[0] for key in rows} == {device, results[6].series.device_key}
    (most,) = ask(store, "drift_scanners", limit=1)
    assert most["n"] == sum(r.series.device_key == most["scanner"] for r in results)


def mean_of(result: SeriesResult) -> float:
    return result.assessment.mean_vbmd_mg_cm3.value


@pytest.mark.parametrize("by", ["site", "sex", "age_band"])
def test_equity_counts_each_patient_once_in_its_group(store: Store, by: str) -> None:
    sites = ("s1", None)
    results = [
        replace(r, series=replace(r.series, site_key=sites[n % 2], patient_key=key_of(n // 2, "patient")))
        for n, r in enumerate(RESULTS)
    ]
    write_results(store.store_dir, results)
    store.take_in()
    found = ask(store, "equity", by=by)
    assert sum(r["n"] for r in found) == 14
    assert sum(r["n_measured"] for r in found) == len(
        {r.series.patient_key for r in results if r.status is Status.MEASURED}
    )
    flagged = {r.series.patient_key for r in results if r.assessment and r.assessment.is_flagged}
    assert sum(r["n_flagged"] for r in found) == len(flagged)
    assert all(r["n_closed"] == 0 for r in found)


def test_equity_counts_flags_of_the_measured_and_closes_a_patient_with_the_last_flag(store: Store) -> None:
    """Ten measured patients without a flag, ten with a fracture but no sound level; one measured and flagged twice."""
    sound = next(r for r in measured() if not r.assessment.is_flagged)
    flag = next(r for r in measured() if r.assessment.is_flagged)
    lost = replace(flag, status=Status.EXCLUDED, measurements=())
    of = (
        *((sound, n) for n in range(10)),
        *((lost, n) for n in range(10, 20)),
        *((flag, 20),) * 2,
    )
    results = [
        replace(
            r, series=replace(r.series, series_key=key_of(n), study_key=key_of(n), patient_key=key_of(p, "patient"))
        )
        for n, (r, p) in enumerate(of)
    ]
    write_results(store.store_dir, results)
    noon = datetime(2026, 11, 24, 12, tzinfo=UTC)
    for number, closed in ((20, 0), (21, 1)):
        given = {"state": "closed", "because": "finding not confirmed"}
        note = Event(
            event_id=f"n{number}",
            kind="follow-up",
            series_key=key_of(number),
            author="AB",
            at=noon,
            payload_json=json.dumps(given),
        )
        record(store.store_dir, note)
        store.take_in()
        (row,) = ask(store, "equity", by="all")
        counts = {"n": 21, "n_measured": 11, "n_measured_flagged": 1, "n_flagged": 11, "n_closed": closed}
        assert row == {"group": "all", **counts}


def test_a_networks_reading_comes_back_beside_the_calibrated_value(tmp_path: Path) -> None:
    result = measured()[0]
    read = (reading(91.5), replace(reading(1.0), value=math.nan, low=math.nan, high=math.nan), None, reading(70.0))
    beside = tuple(replace(m, regressed_mg_cm3=own) for m, own in zip(result.measurements, read, strict=True))
    write_results(tmp_path / "store", [replace(result, measurements=beside)])
    with open_store(tmp_path / "store") as store:
        store.take_in()
        levels = ask(store, "patient_levels", series_key=result.series.series_key)
    assert [r["vbmd_mg_cm3"] for r in levels] == [m.vbmd_mg_cm3.value for m in result.measurements]
    found = [tuple(r[f"regressed_{end}mg_cm3"] for end in ("low_", "", "high_")) for r in levels]
    assert found == [(79.5, 91.5, 103.5), (None, None, None), (None, None, None), (58.0, 70.0, 82.0)]


def test_every_scanner_counts_its_measured_patients(filled: Store) -> None:
    expected = Counter(r.series.manufacturer_model_name for r in measured())
    assert {row["scanner"]: row["n"] for row in ask(filled, "drift_scanners")} == expected


def test_what_changed_since_a_moment(store: Store) -> None:
    noon = datetime(2026, 11, 24, 12, tzinfo=UTC)
    flagged = next(r for r in measured() if r.assessment and r.assessment.is_flagged)
    plain = next(r for r in measured() if r.assessment and not r.assessment.is_flagged)
    results = [replace(flagged, finished_at=noon), replace(plain, finished_at=noon - timedelta(days=3))]
    write_results(store.store_dir, results)
    note = Event(
        event_id="n1",
        kind="follow-up fact",
        series_key=flagged.series.series_key,
        author="AB",
        at=noon + timedelta(hours=2),
        payload_json='{"fact": "falls assessed"}',
    )
    record(store.store_dir, note, replace(note, event_id="n2", kind="saved view", payload_json="{}"))
    store.take_in()
    (row,) = ask(store, "changes", since=noon - timedelta(hours=1))
    assert (row["n_analyzed"], row["n_failed"], row["n_flagged"], row["n_noted"]) == (1, 0, 1, 1)
    (row,) = ask(store, "changes", since=noon + timedelta(hours=1))
    assert (row["n_analyzed"], row["n_flagged"], row["n_noted"]) == (0, 0, 1)
    (row,) = ask(store, "changes", since=noon - timedelta(days=9))
    assert row["n_analyzed"] == 2


@pytest.fixture
def far_from_utc(in_zone: Callable[[str], None]) -> date:
    """A machine in a time zone where the day is another one than in UTC now; that day."""
    in_zone("UTC-14" if datetime.now(UTC).hour >= 12 else "UTC+12")
    return datetime.now(UTC).astimezone().date()


def test_waiting_ends_with_the_day_of_this_machine(store: Store, far_from_utc: date) -> None:
    write_results(store.store_dir, RESULTS[:2])
    for number, until in enumerate((far_from_utc, far_from_utc + timedelta(days=1))):
        plan = {"series_key": key_of(number), "payload": {"snooze_until": until.isoformat()}}
        record(store.store_dir, new_event("follow-up plan", author="AB", at=datetime.now(UTC), **plan))
    store.take_in()
    assert [row["series_key"] for row in worklist(store, CohortFilter(snoozed=True))] == [key_of(1)]
    assert [row["series_key"] for row in worklist(store, CohortFilter(snoozed=False))] == [key_of(0)]


def test_the_next_day_of_this_machine_can_be_waited_for(far_from_utc: date) -> None:
    now, tomorrow = datetime.now(UTC), far_from_utc + timedelta(days=1)
    assert Plan(author="AB", at=now, snooze_until=tomorrow).snooze_until == tomorrow
    with pytest.raises(UsageError, match="waiting must end after today"):
        Plan(author="AB", at=now, snooze_until=far_from_utc)
