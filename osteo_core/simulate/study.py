"""All series of one simulated study: the main one, and those beside it in the archive."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from osteo_core.records import Geometry, LabelArray
from osteo_core.simulate.dicom import SeriesImage, save, write_series
from osteo_core.simulate.headers import SeriesHeader, as_secondary_capture, main_header, series_dataset, uid
from osteo_core.simulate.patient import stream
from osteo_core.simulate.render import paint_truth, scan_truth, scene_geometry
from osteo_core.simulate.scene import Scene, make_scene
from osteo_core.simulate.shapes import Array, Grid
from osteo_core.simulate.truth import SimulatedPatient, Situation

_THICK_MM = 7.0
_REPORT_SIZE = 512


def write_study(folder: Path, patient: SimulatedPatient, *, plain: bool = False) -> tuple[LabelArray, Geometry]:
    """Write every series of a patient below ``folder``; returns the main series' true bodies (x, y, z).

    ``plain``: no series is compressed.
    """
    scene = make_scene(patient)
    truth, labels = paint_truth(patient, scene)
    header, geometry = main_header(patient), scene_geometry(scene)
    main = SeriesImage(hu=scan_truth(patient, scene, truth), geometry=geometry)
    write_series(folder / f"{header.number:03d}", patient, header, main, plain=plain)
    if patient.situation == Situation.THICK_BESIDES:
        _write_thick(folder, patient, scene, truth, plain=plain)
    if patient.situation == Situation.SHARP_BESIDES:
        _write_sharp(folder, patient, scene, truth, plain=plain)
    if patient.situation in (Situation.LOCALISER, Situation.THORAX_ONLY):
        _write_localiser(folder, patient, scene, truth)
    if patient.situation == Situation.DOSE_REPORT:
        _write_dose_report(folder, patient)
    return labels.transpose(2, 1, 0), geometry


def _write_thick(folder: Path, patient: SimulatedPatient, scene: Scene, truth: Array, *, plain: bool) -> None:
    """The same scan with several slices averaged into one."""
    merged = max(round(_THICK_MM / scene.step_mm), 2)
    count = truth.shape[0] // merged
    thick = truth[: count * merged].reshape(count, merged, *truth.shape[1:]).mean(axis=1)
    z = scene.grid.z[: count * merged].reshape(count, merged).mean(axis=1)
    step = merged * scene.step_mm
    scan = replace(patient.acquisition, thickness_mm=step, step_mm=step, noise_hu=patient.acquisition.noise_hu * 0.6)
    coarse = replace(scene, grid=Grid(x=scene.grid.x, y=scene.grid.y, z=z), step_mm=step)
    header = replace(main_header(patient), number=3, description="THICK", thickness_mm=step, step_mm=step)
    image = SeriesImage(
        hu=scan_truth(replace(patient, acquisition=scan), coarse, thick), geometry=scene_geometry(coarse)
    )
    write_series(folder / "003", patient, header, image, plain=plain)


def _write_sharp(folder: Path, patient: SimulatedPatient, scene: Scene, truth: Array, *, plain: bool) -> None:
    sharp = patient.acquisition.maker.sharp
    scanned = replace(patient, acquisition=replace(patient.acquisition, kernel=sharp))
    header = replace(main_header(patient), number=4, description=f"SHARP {sharp.name}", kernel=sharp)
    image = SeriesImage(hu=scan_truth(scanned, scene, truth), geometry=scene_geometry(scene))
    write_series(folder / "004", patient, header, image, plain=plain)


def _write_localiser(folder: Path, patient: SimulatedPatient, scene: Scene, truth: Array) -> None:
    """A frontal view: the mean of the body from front to back, with nearly square pixels."""
    shadow = (truth.mean(axis=1) + 1000.0) * 3.0 - 1000.0
    rows = np.repeat(shadow[::-1], max(round(scene.step_mm / scene.pixel_mm), 1), axis=0)
    header = SeriesHeader(
        number=1,
        description="LOCALIZER",
        image_type=("ORIGINAL", "PRIMARY", "LOCALIZER"),
        kernel=patient.acquisition.kernel,
        thickness_mm=0.6,
        step_mm=scene.step_mm,
    )
    data = series_dataset(patient, header)
    data.SOPInstanceUID = uid(data.SeriesInstanceUID, 1)
    data.InstanceNumber = 1
    _add_greys(data, np.clip(rows + 1024, 0, 4095).astype(np.uint16))
    data.PixelSpacing = [round(scene.step_mm * shadow.shape[0] / rows.shape[0], 6), round(scene.pixel_mm, 6)]
    data.ImageOrientationPatient = [1.0, 0.0, 0.0, 0.0, 0.0, -1.0]
    corner = (float(scene.grid.x[0]), 0.0, float(scene.grid.z[-1]))
    data.ImagePositionPatient = [round(c + o, 4) for c, o in zip(corner, scene.offset_mm, strict=True)]
    data.RescaleIntercept, data.RescaleSlope, data.RescaleType = -1024.0, 1.0, "HU"
    (folder / "001").mkdir(parents=True)
    save(data, folder / "001" / "0001.dcm")


def _write_dose_report(folder: Path, patient: SimulatedPatient) -> None:
    """A screen capture with bars that resemble lines of text."""
    rng = stream(patient.seed, "report")
    screen = np.zeros((_REPORT_SIZE, _REPORT_SIZE), dtype=np.uint8)
    for row in range(40, 300, 22):
        screen[row : row + 9, 30 : 30 + int(rng.integers(120, 420))] = 210
        screen[row : row + 9, 30:450:13] = 0
    header = replace(main_header(patient), number=999, description="Dose Report")
    data = series_dataset(patient, header)
    as_secondary_capture(data)
    data.SOPInstanceUID = uid(data.SeriesInstanceUID, 1)
    data.InstanceNumber = 1
    _add_greys(data, screen)
    (folder / "999").mkdir(parents=True)
    save(data, folder / "999" / "0001.dcm")


def _add_greys(data: object, pixels: np.ndarray) -> None:
    bits = 8 * pixels.dtype.itemsize
    for keyword, value in (
        ("SamplesPerPixel", 1),
        ("PhotometricInterpretation", "MONOCHROME2"),
        ("Rows", pixels.shape[0]),
        ("Columns", pixels.shape[1]),
        ("BitsAllocated", bits),
        ("BitsStored", bits),
        ("HighBit", bits - 1),
        ("PixelRepresentation", 0),
        ("PixelData", pixels.tobytes()),
    ):
        setattr(data, keyword, value)
