"""A store of signed reads with their CT beside it as DICOM, for tests of sending to a PACS."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from commands import store_access
from db.events import record
from db.parts import write_parts
from db.rows import result_tables
from osteo_core.dicom.find import find_series
from osteo_core.pipeline import analyze_volume
from osteo_core.pseudonyms import Pseudonyms
from osteo_core.records import SeriesResult, Volume
from osteo_core.review.read_events import signed_event
from osteo_core.review.reads import Read, Role, Verdict
from osteo_core.review.summary import summary_of
from osteo_core.settings import Settings
from tests.builders.reading import LEVELS, LOWERED, TORSO, ReadingCase, Truth, fill_store
from tests.builders.spines import BodySpec, SpineSpec, build_spine

PSEUDONYMS = Pseudonyms(bytes(range(32)))
READER = "AB"
Change = Callable[[Dataset, int], None]


def write_dicom(folder: Path, volume: Volume, number: int, change: Change | None = None) -> None:
    """The volume as axial CT, one file per slice; ``change`` edits each data set last."""
    folder.mkdir(parents=True)
    spacing = volume.geometry.spacing_mm
    for k in range(volume.geometry.shape[2]):
        data = Dataset()
        data.SOPClassUID, data.SOPInstanceUID = CTImageStorage, f"1.2.826.0.1.3680043.8.498.7.{number}.{k + 1}"
        data.StudyInstanceUID = f"1.2.826.0.1.3680043.8.498.7.{number}"
        data.SeriesInstanceUID = f"{data.StudyInstanceUID}.1000"
        data.FrameOfReferenceUID = f"{data.StudyInstanceUID}.1001"
        data.Modality, data.Manufacturer, data.ManufacturerModelName = "CT", "SIEMENS", "SOMATOM Force"
        data.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        data.PatientID, data.PatientName = f"PID-{number}", f"NEVER^SHOWN{number}"
        data.PatientSex, data.PatientAge, data.PatientBirthDate = "F", "071Y", "19550102"
        data.StudyDate, data.StudyTime, data.StudyID = "20260301", "081500", "S1"
        data.AccessionNumber, data.ReferringPhysicianName = f"ACC-{number}", ""
        data.InstanceNumber, data.KVP, data.ConvolutionKernel = k + 1, 120.0, "Br40"
        data.SliceThickness, data.PixelSpacing = spacing[2], [spacing[1], spacing[0]]
        data.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        data.ImagePositionPatient = [float(v) for v in volume.geometry.to_world_mm(np.array([0.0, 0.0, k]))]
        data.RescaleSlope, data.RescaleIntercept, data.RescaleType = 1, -1024, "HU"
        data.Columns, data.Rows = volume.geometry.shape[:2]
        data.SamplesPerPixel, data.PhotometricInterpretation, data.PixelRepresentation = 1, "MONOCHROME2", 0
        data.BitsAllocated, data.BitsStored, data.HighBit = 16, 16, 15
        data.PixelData = (np.rint(volume.voxels_hu[:, :, k].T) + 1024).astype(np.uint16).tobytes()
        if change:
            change(data, number)
        data.file_meta = FileMetaDataset()
        data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dcmwrite(folder / f"{k:03d}.dcm", data, enforce_file_format=True)


def write_key(folder: Path) -> None:
    """The key of a store in ``folder``, as the program writes it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pseudonym.key").write_text(f"{PSEUDONYMS.key.hex()}\n", encoding="ascii")


def build_dicom_case(
    folder: Path, number: int, change: Change | None = None, *, pseudonyms: Pseudonyms = PSEUDONYMS
) -> ReadingCase:
    """One phantom as DICOM in ``folder/ct_NUMBER``, found by its headers and run through the whole pipeline."""
    bodies = tuple(BodySpec(level=level, trabecular_hu=LOWERED[level]) for level in LEVELS)
    volume, segmentation = build_spine(SpineSpec(bodies=bodies, noise_hu=10.0), TORSO, part_mm=3.0)
    write_dicom(folder / f"ct_{number}", volume, number, change)
    (series,) = find_series([folder / f"ct_{number}"], pseudonyms=pseudonyms, settings=Settings()).series
    truth = Truth(replace(segmentation, model_hash=Truth.model_hash))
    return ReadingCase(result=analyze_volume(series, volume, segmenter=truth, settings=Settings()), volume=volume)


def build_sending_store(folder: Path, count: int = 2, change: Change | None = None) -> list[ReadingCase]:
    """``folder/store`` with ``count`` patients whose CT is DICOM; each read is signed with the program's result."""
    write_key(folder)
    cases = fill_store(folder, [build_dicom_case(folder, number, change) for number in range(count)])
    sign(folder / "store", cases)
    return cases


def sign(
    store: Path, cases: Iterable[ReadingCase], *, reader: str = READER, later: int = 0, **changed: Any
) -> list[Read]:
    """Sign the program's result of each case, ``later`` minutes after it was measured."""
    reads = []
    for case in cases:
        result: SeriesResult = case.result
        assert result.finished_at is not None
        at = result.finished_at + timedelta(seconds=1, minutes=later)
        read = Read(
            verdict=Verdict.ACCEPT,
            role=Role.FIRST,
            version=result.model_hash,
            reader=reader,
            at=at,
            model_hash=result.model_hash,
            settings_hash=result.settings_hash,
            summary=summary_of(result),
            event_id=f"{case.key[:12]}{later:020d}",
        )
        read = replace(read, **changed)
        write_parts(store, result_tables(replace(result, is_read=True, finished_at=read.at)))
        record(store, signed_event(read, event_id=read.event_id, series_key=case.key))
        reads.append(read)
    store_access.hand_over(store)
    return reads
