"""Recognises volume files by name: NIfTI, and other formats read by SimpleITK (NRRD, MetaImage, Analyze pairs)."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

from osteo_core.imaging.voxel_file import UnknownFileError, voxel_file

#: Longer suffixes first. A .hdr file is paired with its .img; a .mhd file names its voxel file.
NIFTI_SUFFIXES = (".nii.gz", ".nii.bz2", ".nii")
PAIR_SUFFIX = ".hdr"
ITK_SUFFIXES = (".nrrd", ".nhdr", ".mha", ".mhd")
VOLUME_SUFFIXES = (*NIFTI_SUFFIXES, PAIR_SUFFIX, *ITK_SUFFIXES)
#: Suffixes of voxel files and of their headers; with such a header beside it, a voxel file is not listed itself.
_VOXELS = {
    ".img": (PAIR_SUFFIX,),
    ".img.gz": (PAIR_SUFFIX,),
    ".raw": (".mhd", ".nhdr"),
    ".zraw": (".mhd",),
    ".raw.gz": (".nhdr",),
}


def is_volume_file(path: Path) -> bool:
    """Whether the name is that of a volume file."""
    return path.name.lower().endswith(VOLUME_SUFFIXES) and not path.name.startswith(".")


def volume_stem(path: Path) -> str:
    """The file name without its volume suffix."""
    name = path.name
    suffix = next((suffix for suffix in VOLUME_SUFFIXES if name.lower().endswith(suffix)), "")
    return name[: len(name) - len(suffix)]


def belongs_to_header(path: Path, is_there: Callable[[Path], bool] = Path.is_file) -> bool:
    """Whether the file holds the voxels of a header file beside it, as .img does of .hdr.

    ``is_there``: whether a path exists; members of an archive do not exist on disk.
    """
    name = path.name.lower()
    for suffix, headers in _VOXELS.items():
        if name.endswith(suffix):
            stem = path.name[: len(path.name) - len(suffix)]
            return any(is_there(path.with_name(stem + header)) for header in headers)
    return False


def sidecar_of(path: Path) -> Path:
    """The JSON sidecar in which converters (dcm2niix, BIDS) describe a volume: NAME.json beside NAME.nii.gz."""
    return path.with_name(f"{volume_stem(path)}.json")


def stamp_of(path: Path, status: os.stat_result) -> tuple[int, int]:
    """Size in bytes and modification time in ns of a file with this ``status``.

    Those of a volume include its JSON sidecar and the file with its voxels: sums, which change with any of them.
    """
    parts = [status]
    if is_volume_file(path):
        for beside_of in (sidecar_of, voxel_file):
            with contextlib.suppress(OSError, UnknownFileError):
                if (beside := beside_of(path)) != path:
                    parts.append(beside.stat())
    return sum(one.st_size for one in parts), sum(one.st_mtime_ns for one in parts) % 2**63


def is_sidecar(path: Path, is_there: Callable[[Path], bool]) -> bool:
    """Whether a file is the JSON sidecar of a volume; ``is_there`` as in ``belongs_to_header``."""
    return path.suffix.lower() == ".json" and any(
        is_there(path.with_name(path.stem + suffix)) for suffix in VOLUME_SUFFIXES
    )
