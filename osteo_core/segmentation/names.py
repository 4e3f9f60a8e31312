"""Names by which a mask is matched to its series, without what tools and people add to the name of a case."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

from osteo_core.dicom.header import NotReadable, read_header
from osteo_core.dicom.identity import identity_of
from osteo_core.dicom.values import text
from osteo_core.imaging.files import VOLUME_SUFFIXES, is_volume_file, volume_stem
from osteo_core.records import Series

#: Words that tools (TotalSegmentator, SPINEPS, VerSe, nnU-Net, MONAI, 3D Slicer, BIDS, spine-segment) and people add to
#: the name of a mask, or use as its whole name.
_MASK_WORDS = frozenset(
    """
    seg segs segmentation segmentations segmented autoseg segm mask masks msk label labels labelmap labelmaps lbl dseg
    totalseg totalsegmentator totalsegmentation total ts ml multilabel combined vert verts vertebra vertebrae vertebral
    vb level levels body bodies instance instances pred preds predicted prediction predictions predict output outputs
    out result results trans nnunet spineps veridah gt groundtruth truth manual annotation annotations roi rois final
    """.split()
)
#: Words that may end the name of the CT but not that of the mask.
_CT_WORDS = frozenset("ct 0000 img image images scan volume vol orig original mod input raw hu".split())
#: Words of folder names that describe the contents, not whose they are.
_PLACE_WORDS = _MASK_WORDS | _CT_WORDS | frozenset("dicom dicoms dcm series study axial data nifti nii scans".split())
_BETWEEN = re.compile(r"[\s_\-.]+")
#: Number of folders above a file that are searched for a name.
_FOLDERS_UP = 3


def composed(name: str) -> str:
    """The name with composed letters (NFC): macOS writes umlauts as two characters."""
    return unicodedata.normalize("NFC", name)


def folded(name: str) -> str:
    """The name in lower case, with one character for every separator between words."""
    return _BETWEEN.sub("_", composed(name).casefold()).strip("_")


def names_of_mask(stem: str) -> tuple[str, ...]:
    """Case names in the file name of a mask: the name itself and without a tool's endings; () if it is generic."""
    return () if _is_of(stem, _PLACE_WORDS) else _shortened(stem, _MASK_WORDS | _CT_WORDS)


def name_of_place(folder: Path, *, top: Path | None = None) -> str:
    """The name of the nearest folder that says whose files these are; '' if none does. Not above ``top``."""
    for _ in range(_FOLDERS_UP):
        name = _without_suffix(folder.name)
        if name and not _is_of(name, _PLACE_WORDS):
            return name
        if folder == top:
            break
        folder = folder.parent
    return ""


def names_of_series(series: Series) -> tuple[tuple[str, ...], ...]:
    """The names of a series, the most certain first: its file or UID, then its folder, then its PatientID.

    They are taken from its first file, since a store does not keep them.
    """
    first = series.files[0]
    if is_volume_file(first):
        stem = volume_stem(first)
        if _is_of(stem, _PLACE_WORDS):
            return ((stem,), tuple(filter(None, [name_of_place(first.parent)])))
        return (_shortened(stem, _CT_WORDS),)
    header = read_header(first)
    if isinstance(header, NotReadable):
        return ()
    return tuple(
        tuple(filter(None, [name]))
        for name in (identity_of(header, first).name, name_of_place(first.parent), text(header, "PatientID"))
    )


def _shortened(stem: str, words: frozenset[str]) -> tuple[str, ...]:
    """The stem, and the stem after each word of ``words`` is removed from its end in turn."""
    parts = re.split(rf"({_BETWEEN.pattern})", stem)
    names = [stem]
    while len(parts) > 2 and parts[-1].casefold() in words:
        parts = parts[:-2]
        names.append("".join(parts))
    return tuple(names)


def _is_of(name: str, words: frozenset[str]) -> bool:
    return all(part.casefold() in words for part in _BETWEEN.split(name) if part)


def _without_suffix(name: str) -> str:
    suffix = next((suffix for suffix in VOLUME_SUFFIXES if name.lower().endswith(suffix)), "")
    return name[: len(name) - len(suffix)]
