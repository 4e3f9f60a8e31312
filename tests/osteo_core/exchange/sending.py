"""Shared by the tests of this folder: a source on disk, outlines on it, a signed read, and the objects read back."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import Dataset, dcmread, dcmwrite

from osteo_core.exchange.report import report_of
from osteo_core.exchange.segmentation import seg_of
from osteo_core.exchange.signed import SignedRead
from osteo_core.exchange.source import Source, read_source
from osteo_core.pseudonyms import Pseudonyms
from osteo_core.records import Geometry
from osteo_core.review.reads import Read, Role, Verdict
from osteo_core.review.summary import LevelSummary, Summary
from osteo_core.terms import Category, Level
from tests.builders.series import CtSpec, write_series
from tests.osteo_core.dicom.finding import find, the_series

SUMMARY = Summary(
    category=Category.LOW_BONE_MASS,
    mean_mg_cm3=(101.5, 83.5, 119.5),
    levels_used=(Level.L1, Level.L3),
    worst_grade=2,
    reason="mean vBMD below 120 mg/cm³",
    levels={
        Level.L1: LevelSummary(
            vbmd_mg_cm3=(98.00123456789012, 80.0, 116.0), median_hu=120.5, grade=0, height_loss=0.04
        ),
        Level.L2: LevelSummary(median_hu=210.0, grade=2, height_loss=0.31, left_out="fracture, grade 2"),
        Level.L3: LevelSummary(vbmd_mg_cm3=(105.0, 87.0, 123.0), median_hu=131.0, grade=0),
    },
)
READ = Read(
    verdict=Verdict.CORRECT,
    role=Role.FIRST,
    version="b" * 12,
    reader="sub-7",
    at=datetime(2026, 3, 2, 11, 30, 5, 250, tzinfo=UTC),
    model_hash="a" * 12,
    settings_hash="c" * 12,
    summary=SUMMARY,
    event_id="e" * 32,
)
PSEUDONYMS = Pseudonyms(bytes(range(32)))
SIGNED = SignedRead(
    read=READ,
    reader="Dr. Jürgen Größe",
    pseudonyms=PSEUDONYMS,
    dice={Level.L1: 1.0, Level.L2: 0.93, Level.L3: 0.0},
    engine="vertebra_segmentation",
    mean_hu={Level.L1: 122.25, Level.L2: 211.0, Level.L3: 130.0},
    phase="portal venous",
    calibration="tissues of the scan, K2HPO4",
    calibration_kind="tissues",
    mineral="K2HPO4",
    cautions=("Contrast-enhanced: the interval is wider.",),
)


def changed(read: dict[str, Any] | None = None, **signed: Any) -> SignedRead:
    """The signed read with some fields changed, its own and those of its read."""
    return replace(SIGNED, read=replace(READ, **(read or {})), **signed)


def source_in(folder: Path, **spec: Any) -> Source:
    """The source of one written series."""
    return read_source(the_series(find(write_series(folder, CtSpec(**spec)).folder)))


def blocks(shape: tuple[int, int, int], numbers: tuple[int, ...] = (20, 21, 22)) -> np.ndarray:
    """Labels (I, J, K): one box per level, all different, none in the outermost slices, one empty slice between two."""
    labels = np.zeros(shape, dtype=np.uint8)
    step = (shape[2] - 4) // len(numbers)
    for n, number in enumerate(numbers):
        first = 2 + n * step
        labels[5 + n : 20 + 3 * n, 7 : 19 + n, first : first + step - (n == 0)] = number
        labels[5 + n, 7, first] = 0
    return labels


def made_from(source: Source, signed: SignedRead = SIGNED, labels: np.ndarray | None = None) -> tuple[Any, Any]:
    """SEG and SR of the read, with outlines on the source's own slices."""
    grid: Geometry = source.geometry
    seg = None if signed.is_rejected else seg_of(source, blocks(grid.shape) if labels is None else labels, grid, signed)
    return seg, report_of(source, signed, seg)


def written(made: Dataset) -> bytes:
    """The object's bytes as a file."""
    file = io.BytesIO()
    dcmwrite(file, made, enforce_file_format=True)
    return file.getvalue()


def read_back(made: Dataset) -> Dataset:
    """The object as read from its file."""
    return dcmread(io.BytesIO(written(made)))
