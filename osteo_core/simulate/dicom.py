"""Write simulated studies as DICOM files."""

from __future__ import annotations

import copy
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk  # noqa: N813
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, JPEGLosslessSV1

from osteo_core.records import Geometry
from osteo_core.simulate.detector import outside_field
from osteo_core.simulate.headers import SeriesHeader, file_meta, series_dataset, uid
from osteo_core.simulate.truth import SimulatedPatient

#: One patient in this many is stored uncompressed; the others are JPEG lossless.
_UNCOMPRESSED_EVERY = 5


@dataclass(frozen=True, kw_only=True, eq=False)
class SeriesImage:
    """Slices to write: HU (z, y, x) with z ascending towards the head, and their geometry (x, y, z order)."""

    hu: NDArray[np.int16]
    geometry: Geometry


def write_series(
    folder: Path, patient: SimulatedPatient, header: SeriesHeader, image: SeriesImage, *, plain: bool = False
) -> None:
    """Write one axial series into ``folder``, one file per slice in scanning order; ``plain``: not compressed."""
    folder.mkdir(parents=True)
    shared = series_dataset(patient, header)
    _add_pixel_format(shared, patient, image)
    stored = _stored_values(patient, image.hu)
    compressed = patient.seed % _UNCOMPRESSED_EVERY != 0 and not plain
    order = range(len(stored)) if patient.acquisition.feet_first else range(len(stored) - 1, -1, -1)
    with tempfile.TemporaryDirectory() as scratch:
        for number, index in enumerate(order, start=1):
            data = copy.copy(shared)
            _add_slice(data, image.geometry, index, number)
            pixels = stored[index]
            data.PixelData = _jpeg_lossless(pixels, Path(scratch)) if compressed else pixels.tobytes()
            if compressed:
                data["PixelData"].VR = "OB"
            save(data, folder / f"{number:04d}.dcm", compressed=compressed)


def save(data: Dataset, path: Path, *, compressed: bool = False) -> None:
    """Write one file with its meta information."""
    syntax = JPEGLosslessSV1 if compressed else ExplicitVRLittleEndian
    data.file_meta = file_meta(data, syntax)
    if compressed:
        data["PixelData"].is_undefined_length = True
    pydicom.dcmwrite(path, data, enforce_file_format=True)


def _add_pixel_format(data: Dataset, patient: SimulatedPatient, image: SeriesImage) -> None:
    maker = patient.acquisition.maker
    spacing = image.geometry.spacing_mm
    data.SamplesPerPixel = 1
    data.PhotometricInterpretation = "MONOCHROME2"
    data.Rows, data.Columns = image.hu.shape[1:]
    data.PixelSpacing = [round(spacing[1], 6), round(spacing[0], 6)]
    data.BitsAllocated, data.BitsStored, data.HighBit = 16, 16, 15
    data.PixelRepresentation = int(maker.padding is not None)
    data.RescaleIntercept, data.RescaleSlope, data.RescaleType = float(maker.intercept), 1.0, "HU"
    data.WindowCenter, data.WindowWidth = 40.0, 400.0
    data.ImageOrientationPatient = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    if maker.padding is not None:
        data.add_new("PixelPaddingValue", "SS", maker.padding)


def _stored_values(patient: SimulatedPatient, hu: NDArray[np.int16]) -> NDArray[np.generic]:
    """HU to stored values, with the maker's padding outside the round field of view."""
    maker = patient.acquisition.maker
    if maker.padding is None:
        return (hu - maker.intercept).astype(np.uint16)
    stored = (hu - maker.intercept).astype(np.int16)
    stored[:, outside_field(*hu.shape[1:])] = maker.padding
    return stored


def _add_slice(data: Dataset, geometry: Geometry, index: int, number: int) -> None:
    position = geometry.to_world_mm(np.array([0, 0, index]))
    data.SOPInstanceUID = uid(data.SeriesInstanceUID, number)
    data.InstanceNumber = number
    data.ImagePositionPatient = [round(float(value), 4) for value in position]
    data.SliceLocation = round(float(position[2]), 4)


def _jpeg_lossless(pixels: NDArray[np.generic], scratch: Path) -> bytes:
    """Encapsulated JPEG lossless (process 14, first-order prediction), as SimpleITK's GDCM encodes it."""
    path = scratch / "slice.dcm"
    writer = sitk.ImageFileWriter()
    writer.SetFileName(str(path))
    writer.UseCompressionOn()
    writer.SetCompressor("JPEG")
    writer.Execute(sitk.GetImageFromArray(pixels))
    return bytes(pydicom.dcmread(path).PixelData)
