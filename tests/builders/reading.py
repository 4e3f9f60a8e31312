"""A store for readers: small phantom spines with their CT on disk, measured by the pipeline with the true outlines."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from commands.write_results import write_mask
from db import parts, rows
from db.parts import MEDIA
from osteo_core.imaging.nifti import write_nifti
from osteo_core.pipeline import analyze_volume
from osteo_core.records import Calibration, Found, Segmentation, Series, SeriesResult, Volume
from osteo_core.settings import Settings
from osteo_core.terms import KernelGroup, Level
from tests.builders.cohort import key_of
from tests.builders.spines import BodySpec, SpineSpec, build_spine, grid, segmentation_of
from tests.builders.store import build_store

LEVELS = (Level.T12, Level.L1, Level.L2, Level.L3)
TORSO = grid(spacing_mm=(2.5, 2.5, 2.5), extent_mm=(340.0, 250.0, 170.0), centre_mm=(0.0, -40.0, 0.0))
#: L1 alone brings the mean below the threshold of osteoporosis: without it the category is low bone mass.
LOWERED = {Level.T12: 106.0, Level.L1: 50.0, Level.L2: 106.0, Level.L3: 106.0}


class Truth:
    """Returns the labels made by the builder."""

    name = "truth"
    model_hash = "0" * 12

    def __init__(self, segmentation: Segmentation) -> None:
        self.segmentation = segmentation

    def segment(self, volume: Volume) -> Segmentation:
        return self.segmentation


@dataclass(frozen=True, kw_only=True)
class ReadingCase:
    """One patient of the store: the pipeline's result, and the volume it was computed from."""

    result: SeriesResult
    volume: Volume

    @property
    def key(self) -> str:
        return self.result.series.series_key


def bent(volume: Volume, segmentation: Segmentation, *, bend_mm: float) -> tuple[Volume, Segmentation]:
    """The same spine with its slices shifted left and right along one sine wave: scoliosis."""
    step_mm, n = volume.geometry.spacing_mm[0], volume.geometry.shape[2]
    moves = np.rint(bend_mm / step_mm * np.sin(2 * np.pi * np.arange(n) / (n - 1))).astype(int)
    hu, labels = np.array(volume.voxels_hu), np.array(segmentation.labels)
    for k, move in enumerate(moves):
        hu[:, :, k], labels[:, :, k] = np.roll(hu[:, :, k], move, axis=0), np.roll(labels[:, :, k], move, axis=0)
    return replace(volume, voxels_hu=hu), segmentation_of(labels, volume.geometry)


def build_case(
    folder: Path, number: int, hu: dict[Level, float], *, bend_mm: float = 0.0, **changed: Any
) -> ReadingCase:
    """Write the CT of one phantom and run the whole pipeline on it; ``changed`` sets fields of its Series."""
    bodies = tuple(BodySpec(level=level, trabecular_hu=hu[level]) for level in LEVELS)
    volume, segmentation = build_spine(SpineSpec(bodies=bodies, noise_hu=10.0), TORSO, part_mm=3.0)
    if bend_mm:
        volume, segmentation = bent(volume, segmentation, bend_mm=bend_mm)
    ct = folder / f"ct_{number}.nii.gz"
    write_nifti(ct, volume.voxels_hu, volume.geometry)
    series = Series(
        series_key=key_of(number),
        study_key=key_of(number, "study"),
        patient_key=key_of(number, "patient"),
        series_instance_uid=f"1.2.{number}",
        files=(ct,),
        kvp=120.0,
        patient_age_years=70.0 + number,
        study_date=date(2026, 5, number + 1),
        slice_thickness_mm=2.5,
        slice_step_mm=2.5,
        n_slices=68,
        is_simulated=True,
    )
    series = replace(series, **changed)
    truth = Truth(replace(segmentation, model_hash=Truth.model_hash))
    return ReadingCase(result=analyze_volume(series, volume, segmenter=truth, settings=Settings()), volume=volume)


def build_reading_store(folder: Path, spines: tuple[dict[Level, float], ...] = (LOWERED, LOWERED)) -> list[ReadingCase]:
    """``folder/store`` with one patient per spine, its mask in media and its CT beside the store."""
    return fill_store(folder, [build_case(folder, number, hu) for number, hu in enumerate(spines)])


def build_followed_store(folder: Path, *spines: dict[Level, float]) -> list[ReadingCase]:
    """The same with one patient and a study a year on one scanner, newest first."""
    same = {
        "patient_key": key_of(0, "patient"),
        "device_key": "d" * 16,
        "manufacturer_model_name": "Phantom CT",
        "kernel_group": KernelGroup.STANDARD,
    }
    days = date(2026, 5, 1), date(2025, 4, 20), date(2024, 3, 10)
    return fill_store(folder, [build_case(folder, n, hu, study_date=days[n], **same) for n, hu in enumerate(spines)])


def calibrated(case: ReadingCase, line: Calibration) -> ReadingCase:
    """The same case with this calibration on record instead of the one that was used."""
    assert case.result.assessment is not None
    assessment = replace(case.result.assessment, calibration=line)
    return replace(case, result=replace(case.result, assessment=assessment))


def fill_store(folder: Path, cases: list[ReadingCase]) -> list[ReadingCase]:
    """``folder/store`` with these cases, whose CTs are beside it."""
    store = folder / "store"
    store.mkdir()
    parts.write_parts(store, rows.indexed_tables(Found(series=tuple(case.result.series for case in cases))))
    build_store(store, [case.result for case in cases])
    for case in cases:
        assert case.result.segmentation is not None
        name = f"{case.key}_{case.result.model_hash}_mask.nii.gz"
        write_mask(store / MEDIA / name, case.result.segmentation)
    return cases
