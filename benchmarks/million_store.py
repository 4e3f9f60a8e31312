"""A store of a million series and four million levels: ``python -m benchmarks.million_store DIR [--series N]``.

Vendor strings, scanner models, sex and age are drawn from 128,169 CT series of the NCI Imaging Data Commons
(../shared/data/tables); vBMD follows the norm of Cheng 2021. It is written as parts and taken in by the owner, like
any store. Everything in it is invented and marked as such.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet

from db.connect import open_store
from db.parts import write_part
from osteo_core.columns import TABLES
from osteo_core.dicom.vendor import normalise_vendor
from osteo_core.measuring import MEASURING_VERSION
from osteo_core.settings import Settings
from osteo_core.simulate.norms import VBMD_SD_MG_CM3, mean_vbmd
from osteo_core.terms import MEASURED_LEVELS, Sex

TABLE = Path(__file__).resolve().parents[2] / "shared" / "data" / "tables" / "idc_ct_series.parquet"
LEVELS_A_SERIES = len(MEASURED_LEVELS)
#: With these models and the default settings every series is up to date: an `analyze` has nothing to do.
MODEL_HASH = "a" * 64
_CHUNK = 50_000
_DAYS = 1095
_FIRST_DAY = date(2023, 11, 1)
#: No notes are made after the last scans were read.
_LAST_NOTE = np.datetime64("2026-11-02T04")
_SITES = 12
_EXCLUDED = ("too_thick", "no_lumbar_level", "localiser", "sharp_kernel", "metal")
_CODES = ("confirmed", "not confirmed", "referred", "DXA booked", "DXA done", "treatment advised", "treatment started")


@dataclass(frozen=True, kw_only=True)
class Headers:
    """Scanner strings, sex and age of real series, one row each."""

    manufacturer: np.ndarray
    model: np.ndarray
    vendor: np.ndarray
    sex: np.ndarray
    age: np.ndarray


def read_headers(path: Path = TABLE) -> Headers:
    """The real series with a sex and an age of 18 to 100. Raises FileNotFoundError that says what is missing."""
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there; it holds the headers that the store is drawn from")
    rows = parquet.read_table(path, columns=["Manufacturer", "ManufacturerModelName", "PatientSex", "PatientAge"])
    maker, model, sex, age = (np.array(rows.column(k).to_pylist(), dtype=object) for k in range(4))
    years = np.array([int(a[:3]) if a and a[:3].isdigit() and a.endswith("Y") else 0 for a in age])
    held = (years >= 18) & (years <= 100) & np.isin(sex, ["F", "M"])
    known = {name: normalise_vendor(name).value for name in set(maker[held])}
    return Headers(
        manufacturer=maker[held],
        model=model[held],
        vendor=np.array([known[name] for name in maker[held]], dtype=object),
        sex=sex[held],
        age=years[held].astype(float),
    )


def make_store(folder: Path, *, series: int = 1_000_000, seed: int = 7, headers: Headers | None = None) -> None:
    """Fill ``folder`` with ``series`` series, in chunks; publishing a snapshot is left to the app."""
    drawn_from = headers or read_headers()
    rng = np.random.default_rng(seed)
    (folder / "inbox").mkdir(parents=True, exist_ok=True)
    with open_store(folder) as store:
        for start in range(0, series, _CHUNK):
            for kind, columns in _chunk(drawn_from, rng, start, min(_CHUNK, series - start)).items():
                write_part(folder, kind, _table(kind, columns))
            store.take_in()


def _table(kind: str, columns: dict[str, Any]) -> pa.Table:
    """Columns as a part of their kind; missing columns are null."""
    size = len(next(iter(columns.values())))
    schema = TABLES[kind].schema
    arrays = [
        pa.nulls(size, field.type) if field.name not in columns else pa.array(columns[field.name], type=field.type)
        for field in schema
    ]
    return pa.table(arrays, schema=schema)


def _keys(kind: str, numbers: np.ndarray) -> list[str]:
    return [f"{kind}{(int(n) * 2654435761) % (1 << 60):015x}" for n in numbers]


def _chunk(headers: Headers, rng: np.random.Generator, start: int, size: int) -> dict[str, dict[str, Any]]:
    """All kinds of one chunk with their columns."""
    at = rng.integers(0, len(headers.age), size)
    number = np.arange(start, start + size)
    patient = number * 6 // 10  # some have several studies
    sex, age = headers.sex[at], headers.age[at]
    norm = {s: np.array([mean_vbmd(float(a), Sex(s)) for a in range(101)]) for s in ("F", "M")}
    typical = np.where(sex == "F", norm["F"][age.astype(int)], norm["M"][age.astype(int)])
    mean = np.maximum(rng.normal(typical, VBMD_SD_MG_CM3), 5.0)
    fate = rng.random(size)
    status = np.where(fate < 0.82, "measured", np.where(fate < 0.99, "excluded", "failed"))
    measured = status == "measured"
    fractured = measured & (rng.random(size) < 0.06)
    category = np.where(mean < 80, "osteoporosis", np.where(mean <= 120, "low bone mass", "normal")).astype(object)
    category[age < 50] = "not reportable"
    day = rng.integers(0, _DAYS, size)
    head = _Head(
        number=number, patient=patient, at=at, day=day, status=status, measured=measured, mean=mean, category=category
    )
    flagged = measured & ((category == "osteoporosis") | fractured)
    return {
        **_header_kinds(headers, rng, head),
        **_measured_kinds(rng, head),
        **_people(rng, head, flagged),
        "results": _results(head, flagged, fractured),
    }


@dataclass(frozen=True, kw_only=True)
class _Head:
    """Values shared by all kinds of a chunk, one entry per series."""

    number: np.ndarray
    patient: np.ndarray
    at: np.ndarray
    day: np.ndarray
    status: np.ndarray
    measured: np.ndarray
    mean: np.ndarray
    category: np.ndarray

    @property
    def series_key(self) -> list[str]:
        return _keys("a", self.number)

    @property
    def finished(self) -> np.ndarray:
        begin = np.datetime64(datetime(2023, 11, 2, 3))
        return begin + self.day.astype("timedelta64[D]") + (self.number % 86400).astype("timedelta64[s]")


def _header_kinds(headers: Headers, rng: np.random.Generator, head: _Head) -> dict[str, dict[str, Any]]:
    size = len(head.number)
    devices = rng.integers(0, 3, size)
    models = np.unique(headers.model[headers.model != np.array(None)].astype(str))
    device = 3 * np.searchsorted(models, headers.model[head.at].astype(str)) + devices
    excluded = np.flatnonzero(head.status == "excluded")
    code = rng.integers(0, len(_EXCLUDED), size)
    keys = head.series_key
    return {
        "series": {
            "index_id": _keys("i", head.number),
            "series_key": keys,
            "study_key": _keys("b", head.number * 7 // 10),
            "patient_key": _keys("c", head.patient),
            "indexed_at": head.finished - np.timedelta64(1, "h"),
            "is_eligible": np.ones(size, bool),
            "modality": ["CT"] * size,
            "manufacturer": headers.manufacturer[head.at],
            "vendor": headers.vendor[head.at],
            "manufacturer_model_name": headers.model[head.at],
            "device_key": _keys("d", device + 1),
            "kvp": rng.choice([100.0, 120.0, 120.0, 120.0, 140.0], size),
            "convolution_kernel": rng.choice(["STANDARD", "B30f", "FC13", "B"], size),
            "slice_thickness_mm": rng.choice([1.0, 2.0, 3.0, 5.0], size),
            "n_slices": rng.integers(60, 400, size),
            "patient_sex": headers.sex[head.at],
            "patient_age_years": headers.age[head.at],
            "study_date": np.datetime64(_FIRST_DAY) + head.day.astype("timedelta64[D]"),
            "is_simulated": np.ones(size, bool),
            "is_preferred": head.number % 7 != 3,
            "site_key": _keys("e", head.number % _SITES),
        },
        "exclusions": {
            "source_id": [_keys("r", head.number[[k]])[0] for k in excluded],
            "series_key": [keys[k] for k in excluded],
            "position": np.zeros(len(excluded), int),
            "code": [_EXCLUDED[code[k]] for k in excluded],
            "step": ["find" if code[k] in (0, 2, 3) else "segment" for k in excluded],
            "sentence": [f"Left out as {_EXCLUDED[code[k]].replace('_', ' ')}." for k in excluded],
        },
    }


def _measured_kinds(rng: np.random.Generator, head: _Head) -> dict[str, dict[str, Any]]:
    """Four levels of every series (those of an excluded one do not count), fat and muscle of measured series."""
    rows = np.repeat(np.arange(len(head.number)), LEVELS_A_SERIES)
    vbmd = head.mean[rows] + rng.normal(0, 5, len(rows))
    results, keys = _keys("r", head.number), head.series_key
    counts = head.measured[rows]
    at = np.flatnonzero(head.measured)
    return {
        "measurements": {
            "result_id": [results[k] for k in rows],
            "series_key": [keys[k] for k in rows],
            "level": np.tile([int(level) for level in MEASURED_LEVELS], len(head.number)),
            "mean_hu": (vbmd - 5) / 0.74,
            "vbmd_mg_cm3": vbmd,
            "vbmd_low_mg_cm3": vbmd - 16,
            "vbmd_high_mg_cm3": vbmd + 16,
            "confidence": np.full(len(rows), 0.9),
            "exclusion_code": np.where(counts, None, "fractured"),
        },
        "tissues": {
            "result_id": [results[k] for k in at] * 2,
            "series_key": [keys[k] for k in at] * 2,
            "name": ["fat"] * len(at) + ["muscle"] * len(at),
            "mean_hu": np.concatenate([rng.normal(-100, 8, len(at)), rng.normal(55, 8, len(at))]),
        },
    }


def _people(rng: np.random.Generator, head: _Head, flagged: np.ndarray) -> dict[str, dict[str, Any]]:
    """Notes on two thirds of the flags, and QCT of every twentieth patient: the mean and each level."""
    noted = np.flatnonzero(flagged & (rng.random(len(flagged)) < 0.66))
    state = rng.integers(0, len(_CODES), len(noted))
    keys = head.series_key
    at = np.flatnonzero(head.measured & (head.patient % 20 == 0))
    patient, first = np.unique(head.patient[at], return_index=True)
    means = head.mean[at][first] + rng.normal(0, 6, len(patient))
    each = LEVELS_A_SERIES + 1  # the patient's mean, then the levels
    values = np.repeat(means, each) + np.where(
        np.arange(each * len(means)) % each, rng.normal(0, 5, each * len(means)), 0
    )
    return {
        "events": {
            "event_id": _keys("f", head.number[noted]),
            "kind": ["follow-up"] * len(noted),
            "series_key": [keys[k] for k in noted],
            "author": ["AB"] * len(noted),
            "at": np.minimum(
                head.finished[noted] + rng.integers(1, 90, len(noted)).astype("timedelta64[D]"), _LAST_NOTE
            ),
            "payload_json": [json.dumps({"previous": "to review", "state": _CODES[s]}) for s in state],
        },
        "reference_values": {
            "patient_key": _keys("c", np.repeat(patient, each)),
            "level": [None, *(int(level) for level in MEASURED_LEVELS)] * len(patient),
            "vbmd_mg_cm3": values,
            "mineral": ["K2HPO4"] * len(values),
            "source": ["simulated QCT"] * len(values),
            "is_simulated": np.ones(len(values), bool),
            "imported_at": [datetime(2026, 11, 1, tzinfo=UTC)] * len(values),
        },
    }


def _results(head: _Head, flagged: np.ndarray, fractured: np.ndarray) -> dict[str, Any]:
    size, measured, mean = len(head.number), head.measured, head.mean
    blank = np.where(measured, mean, np.nan)
    words = [
        f"L1-L4 mean {m:.0f} mg/cm3 ({m - 9:.0f}-{m + 9:.0f})" if f else None
        for m, f in zip(mean, flagged, strict=True)
    ]

    def known(values: np.ndarray) -> pa.Array:
        return pa.array(values, from_pandas=True)

    return {
        "result_id": _keys("r", head.number),
        "series_key": head.series_key,
        "model_hash": [MODEL_HASH] * size,
        "settings_hash": [Settings().hash] * size,
        "measuring_version": [MEASURING_VERSION] * size,
        "finished_at": head.finished,
        "seconds": np.full(size, 21.0),
        "status": head.status,
        "category": np.where(measured, head.category, None),
        "mean_vbmd_mg_cm3": known(blank),
        "mean_vbmd_low_mg_cm3": known(blank - 9),
        "mean_vbmd_high_mg_cm3": known(blank + 9),
        "mean_hu": known((blank - 5) / 0.74),
        "levels_used": [[20, 21, 22, 23] if m else None for m in measured],
        "worst_fracture_grade": np.where(fractured, 2, 0),
        "is_flagged": flagged,
        "flag_reason": words,
        "review_reasons": [["Possible fracture: look at the sagittal plane."] if f else [] for f in fractured],
        "contrast_phase": np.where(head.number % 3 == 0, "portal venous", "native"),
        "calibration_name": np.where(measured, "published line, 120 kVp", None),
        "calibration_mineral": np.where(measured, "K2HPO4", None),
    }


def main(given: Sequence[str] | None = None) -> int:
    """Create the store; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.million_store")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--series", type=int, default=1_000_000)
    asked = parser.parse_args(given)
    begin = time.perf_counter()
    make_store(asked.folder, series=asked.series)
    print(
        f"{asked.series:,} series and {LEVELS_A_SERIES * asked.series:,} levels in {time.perf_counter() - begin:.0f} s"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
