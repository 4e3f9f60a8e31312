"""The second step: one series in, its Volume in HU out, on the grid of its slices in LPS millimetres."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, config

from osteo_core.dicom.arrange import Arranged, arrange
from osteo_core.dicom.describe import transfer_syntax
from osteo_core.dicom.header import NotReadable, SliceHeader, read_header, slices_of
from osteo_core.dicom.padding import declared_padding, padding_caution, replace_padding
from osteo_core.dicom.pixels import PixelsUnreadableError, is_whole_valued, read_frames
from osteo_core.dicom.stack import Stack
from osteo_core.dicom.values import text
from osteo_core.imaging.hounsfield import as_int16_if_lossless, check_hu, describe_labels
from osteo_core.imaging.nifti import is_nifti, read_nifti_volume
from osteo_core.imaging.tilt import untilt
from osteo_core.outcomes import Caution, CautionCode, Exclusion, ExclusionCode
from osteo_core.records import Geometry, Series, Volume
from osteo_core.terms import Step

INT16 = np.iinfo(np.int16)


def read_volume(series: Series) -> Volume | Exclusion:
    """The series as HU: array[i, j, k] with i along a row, j along a column, k along the slices' normal.

    int16 where that loses nothing, else float32; padding is air; a tilted gantry is straightened. What
    cannot be read, or is not HU, is an Exclusion.
    """
    if len(series.files) == 1 and is_nifti(series.files[0]):
        return read_nifti_volume(series.files[0])
    headers = _headers(series.files)
    if isinstance(headers, Exclusion):
        return headers
    slices = [one for dataset, own in headers.values() for one in own]
    arranged = _own_stack(arrange(slices, step=Step.READ), series)
    if isinstance(arranged, Exclusion):
        return arranged
    if isinstance(arranged.stack, Exclusion):
        return arranged.stack
    if any(not s.rescale_slope or s.rescale_intercept is None for s in arranged.stack.slices):
        return Exclusion(code=ExclusionCode.RESCALE_MISSING, step=Step.READ)
    datasets = {path: dataset for path, (dataset, _) in headers.items()}
    try:
        return _assemble(arranged.stack, datasets)
    except PixelsUnreadableError as error:
        return Exclusion(code=ExclusionCode.UNREADABLE, step=Step.READ, found=str(error))
    except OSError as error:  # gone or unreadable since it was indexed
        return Exclusion(code=ExclusionCode.UNREADABLE, step=Step.READ, found=f"a file is gone ({error.strerror})")


def _headers(paths: Sequence[Path]) -> dict[Path, tuple[Dataset, list[SliceHeader]]] | Exclusion:
    headers = {}
    for path in paths:
        dataset = read_header(path)
        if isinstance(dataset, NotReadable):
            return Exclusion(code=ExclusionCode.UNREADABLE, step=Step.READ, found=f"a file: {dataset.kind}")
        with config.disable_value_validation():
            headers[path] = (dataset, list(slices_of(dataset, path)))
    return headers


def _own_stack(parts: Sequence[Arranged], series: Series) -> Arranged | Exclusion:
    """The stack of this Series; where its files hold several, the one that the record names."""
    if len(parts) == 1:
        return parts[0]
    own = next((part for part in parts if part.label == series.stack_label), None)
    found = f"{len(parts)} stacks, and it is not known which is meant"
    return own or Exclusion(code=ExclusionCode.AMBIGUOUS_SLICES, step=Step.READ, found=found)


def _assemble(stack: Stack, datasets: dict[Path, Dataset]) -> Volume | Exclusion:
    first = stack.slices[0]
    wanted = [*stack.slices, *(one for _, one in stack.repeated)]
    planes, padded, lowest = _read_planes(wanted, datasets)
    fault = _differing(stack, planes)
    if fault:
        return fault
    voxels = planes[: len(stack.slices)]
    labels = describe_labels(voxels)
    if labels:
        return Exclusion(code=ExclusionCode.LABEL_MAP, step=Step.READ, found=labels)
    hu = check_hu(voxels)
    if isinstance(hu, Exclusion):
        return hu
    repairs = (*padding_caution(padded, lowest, planes.size), *_dropped(stack))
    # (slice, row, column) in memory, seen as (column, row, slice): no copy.
    array = as_int16_if_lossless(voxels).transpose(2, 1, 0)
    shape = (first.columns, first.rows, len(stack.slices))
    volume = Volume(
        voxels_hu=array,
        geometry=Geometry(shape=shape, affine_lps=stack.affine_lps),
        provenance=(*_provenance(stack, datasets[first.path]), *(repair.sentence for repair in repairs)),
        cautions=(*repairs, *hu),
    )
    return untilt(volume)


def _read_planes(wanted: Sequence[SliceHeader], datasets: dict[Path, Dataset]) -> tuple[NDArray, int, float]:
    """(slices, rows, columns) in HU with padding made air; how many voxels were padding, their lowest value."""
    slopes = [s.rescale_slope or 1.0 for s in wanted]
    intercepts = [s.rescale_intercept or 0.0 for s in wanted]
    kind = np.int16 if is_whole_valued(slopes, intercepts) else np.float32
    planes: NDArray = np.empty((len(wanted), wanted[0].rows, wanted[0].columns), dtype=kind)
    padded, lowest = 0, 0.0
    for path in dict.fromkeys(s.path for s in wanted):
        dataset = datasets[path]
        is_monochrome1 = text(dataset, "PhotometricInterpretation") == "MONOCHROME1"
        frames = read_frames(path, transfer_syntax(dataset), is_monochrome1=is_monochrome1)
        padding = declared_padding(dataset)
        own = {(s.rescale_slope, s.rescale_intercept) for s in wanted if s.path == path}
        if len(own) > 1:  # GDCM applies the first frame's rescale to all of them
            raise PixelsUnreadableError("frames of one file with rescales of their own")
        if planes.dtype == np.int16 and (frames.min() < INT16.min or frames.max() > INT16.max):
            planes = planes.astype(np.int32)
        for index, one in ((n, s) for n, s in enumerate(wanted) if s.path == path):
            if one.frame >= len(frames) or frames.shape[1:] != planes.shape[1:]:
                raise PixelsUnreadableError(f"pixels of size {frames.shape}, header says {planes.shape[1:]}")
            planes[index] = frames[one.frame]
            count, low = replace_padding(planes[index], one, padding)
            padded, lowest = padded + count, min(lowest, low)
    return planes, padded, lowest


def _differing(stack: Stack, planes: NDArray) -> Exclusion | None:
    """Slices at one place must be the same picture; otherwise nobody knows which one is meant."""
    extra = len(stack.slices)
    differing = sum(not np.array_equal(planes[kept], planes[extra + n]) for n, (kept, _) in enumerate(stack.repeated))
    if not differing:
        return None
    return Exclusion(code=ExclusionCode.AMBIGUOUS_SLICES, step=Step.READ, found=f"at {differing} places")


def _dropped(stack: Stack) -> tuple[Caution, ...]:
    if not stack.repeated:
        return ()
    found = f"{len(stack.repeated)} with the same position and the same pixels"
    return (Caution(code=CautionCode.DUPLICATE_SLICES, step=Step.READ, found=found),)


def _provenance(stack: Stack, dataset: Dataset) -> tuple[str, ...]:
    syntax = transfer_syntax(dataset) or "no meta information"
    return (f"{len(stack.slices)} slices sorted along their normal, step {stack.step_mm:.4g} mm", f"decoded {syntax}")
