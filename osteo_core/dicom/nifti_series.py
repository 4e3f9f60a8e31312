"""NIfTI and other volume files as series, from their headers, sidecar files and the table about files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from osteo_core.dicom.about import About, Stated, stated_of
from osteo_core.dicom.describe import facts_of, odd_in_words, thickness_cautions
from osteo_core.dicom.eligibility import of_odd_unit, too_coarse, too_few, too_young
from osteo_core.dicom.identity import Identity, unique_names
from osteo_core.dicom.image_header import Person
from osteo_core.dicom.images import fault_of
from osteo_core.dicom.people import Member, doubts_of
from osteo_core.dicom.stack import plane_of
from osteo_core.dicom.values import printable
from osteo_core.errors import OsteoError
from osteo_core.imaging.nifti import nifti_stem, read_nifti_header
from osteo_core.limits.acquisition import THICKNESS_PREFERRED
from osteo_core.outcomes import Caution, CautionCode, Exclusion, ExclusionCode
from osteo_core.pseudonyms import Pseudonyms
from osteo_core.records import Geometry, Series
from osteo_core.settings import Settings
from osteo_core.terms import KernelGroup, Sex, Step, Vendor

#: Attributes known only from the JSON file or the table, in order of reporting.
_ASKED_FOR = ("manufacturer", "tube voltage", "kernel", "slice thickness", "contrast", "age and sex")
#: Tolerance for square pixels; headers round to 1e-3 or better.
_SQUARE_MM = 1e-3


def nifti_members(paths: Sequence[Path], about: About | None) -> list[Member]:
    """The patients according to JSON sidecar and table ``about``; each file counts as its own study."""
    return [
        Member(
            identity=Identity(study=_place(path), series=_place(path), name=nifti_stem(path), is_stated=False),
            slices=[],
            person=_person(path, about or About()),
        )
        for path in paths
    ]


def _person(path: Path, about: About) -> Person:
    try:
        return stated_of(path, about).image.person
    except OsteoError:  # a table of the caller's own
        raise
    except Exception:  # an unusable sidecar is reported by nifti_series
        return Person()


def nifti_series(
    paths: Sequence[Path],
    pseudonyms: Pseudonyms,
    settings: Settings,
    about: About | None,
    *,
    members: Sequence[Member],
) -> Iterator[tuple[Series, Exclusion | None, tuple[Caution, ...]]]:
    """One series per file, with its exclusion if any. Whether it is CT or a label map is known only once it is read.

    The JSON sidecar and the table ``about`` are treated like a DICOM header. ``members``: the patients, including those
    of other files.
    """
    by_place = {member.study_uid: member for member in members}
    names = unique_names([printable(nifti_stem(path)) for path in paths])
    for path, name in zip(paths, names, strict=True):
        try:
            own = by_place[_place(path)]
            yield _judged(path, name, pseudonyms, settings, about=about or About(), member=own)
        except OsteoError:  # a table of the caller's own
            raise
        except Exception as error:  # one file must not end the search
            found = f"a header that cannot be used ({type(error).__name__})"
            exclusion = Exclusion(code=ExclusionCode.UNREADABLE, step=Step.FIND, found=found)
            yield _series(path, name, pseudonyms), exclusion, ()


def _judged(
    path: Path, name: str, pseudonyms: Pseudonyms, settings: Settings, *, about: About, member: Member
) -> tuple[Series, Exclusion | None, tuple[Caution, ...]]:
    header = read_nifti_header(path)
    if isinstance(header, Exclusion):
        return _series(path, name, pseudonyms), header, ()
    series = _series(path, name, pseudonyms, header.geometry)
    if header.labels:
        return series, Exclusion(code=ExclusionCode.LABEL_MAP, step=Step.FIND, found=header.labels), ()
    stated = stated_of(path, about)
    series = _with_facts(series, stated, pseudonyms, member)
    faults = (fault_of(stated.image), _mixed(stated), of_odd_unit(series), too_young(series))
    exclusion = next(filter(None, faults), None) or too_coarse(series, settings) or too_few(series)
    return series, exclusion, (*_cautions(series, stated), *doubts_of(member))


def _mixed(stated: Stated) -> Exclusion | None:
    if len(stated.voltages_kv) < 2:
        return None
    found = ", ".join(f"{kv:g}" for kv in sorted(stated.voltages_kv))
    return Exclusion(code=ExclusionCode.MIXED_VOLTAGE, step=Step.FIND, found=found)


def _with_facts(series: Series, stated: Stated, pseudonyms: Pseudonyms, member: Member) -> Series:
    if member.has_patient_id:
        known = pseudonyms.patient(member.patient)
        series = replace(series, patient_key=known, patient_id_key=pseudonyms.patient(member.name))
    return replace(series, kvp=next(iter(stated.voltages_kv), None), **facts_of(stated.image, pseudonyms))


def _cautions(series: Series, stated: Stated) -> tuple[Caution, ...]:
    """Cautions about missing and malformed values, and their consequences."""
    has_person = series.patient_age_years is not None and series.patient_sex is not Sex.UNKNOWN
    values = (
        series.manufacturer,
        series.kvp,
        series.convolution_kernel,
        series.slice_thickness_mm,
        series.contrast_bolus_agent,
        has_person or None,
    )
    missing = [name for name, value in zip(_ASKED_FOR, values, strict=True) if value is None]
    found: list[tuple[CautionCode, str, str]] = []
    if missing:
        found.append((CautionCode.HEADER_UNKNOWN, f"{', '.join(missing)} (a NIfTI file)", ""))
    odd = [*odd_in_words(stated.image), *stated.odd]
    if odd:
        found.append((CautionCode.HEADER_ODD, "; ".join(odd), ""))
    if series.vendor is Vendor.OTHER and series.manufacturer is not None:
        found.append((CautionCode.HEADER_UNKNOWN, f"a vendor that is known here ({series.manufacturer})", ""))
    if series.kernel_group is KernelGroup.UNKNOWN and series.convolution_kernel is not None:
        found.append((CautionCode.KERNEL_UNKNOWN, series.convolution_kernel, ""))
    if "DERIVED" in series.image_type:
        found.append((CautionCode.DERIVED, f"{series.plane}, {'/'.join(series.image_type)}", ""))
    found += thickness_cautions(series) if series.slice_thickness_mm is not None else []
    cautions = tuple(Caution(code=code, step=Step.FIND, found=what, limit=limit) for code, what, limit in found)
    return cautions if series.slice_thickness_mm is not None else (*cautions, *_thick(series))


def _place(path: Path) -> str:
    """Identifies a file by its path, because file names repeat across folders."""
    return f"nifti {path.resolve()}"


def _series(path: Path, name: str, pseudonyms: Pseudonyms, geometry: Geometry | None = None) -> Series:
    place = _place(path)
    known = _geometry(geometry) if geometry else {}
    return Series(
        series_key=pseudonyms.series(place),
        study_key=pseudonyms.study(place),
        patient_key=pseudonyms.patient(place),
        series_instance_uid=name,
        files=(path,),
        kernel_group=KernelGroup.UNKNOWN,
        **known,
    )


def _slice_axis(geometry: Geometry) -> int:
    """The slice axis: the one with different spacing, as pixels are square; the head-foot axis if none differs."""
    spacing = geometry.spacing_mm
    squares = [
        axis
        for axis in range(3)
        if abs(spacing[axis - 1] - spacing[axis - 2]) <= _SQUARE_MM  # of the other two
    ]
    return squares[0] if len(squares) == 1 else int(np.abs(geometry.directions[2]).argmax())


def _geometry(geometry: Geometry) -> dict[str, Any]:
    spacing = geometry.spacing_mm
    across = _slice_axis(geometry)
    first, second = (axis for axis in range(3) if axis != across)
    extent = np.abs(geometry.affine_lps[2, :3]) * geometry.shape
    return {
        "slice_step_mm": spacing[across],
        "pixel_spacing_mm": (spacing[second], spacing[first]),
        "rows": geometry.shape[second],
        "columns": geometry.shape[first],
        "n_slices": geometry.shape[across],
        "plane": plane_of(geometry.affine_lps[:, [first, second, across, 3]]),
        "coverage_mm": float(extent.sum()),
    }


def _thick(series: Series) -> tuple[Caution, ...]:
    preferred = THICKNESS_PREFERRED.value
    if series.slice_step_mm is None or series.slice_step_mm <= preferred:
        return ()
    found = f"{series.slice_step_mm:.4g}"
    return (Caution(code=CautionCode.THICK_SLICES, step=Step.FIND, found=found, limit=f"{preferred:g}"),)
