"""A mask as a reader's browser sends it: checked for size, grid, labels and content before anything is stored."""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from dataclasses import dataclass
from typing import Any

import nibabel
import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError
from nibabel.wrapstruct import WrapStructError

from osteo_core.errors import UsageError
from osteo_core.records import Geometry, LabelArray
from osteo_core.terms import MASK_LEVELS, Level

#: Levels a reader may draw: those of a released mask, and neighbours needed when the whole spine is renumbered.
READER_LEVELS: tuple[Level, ...] = tuple(sorted((*map(Level, range(Level.T10, Level.SACRUM)), Level.T13)))
#: A smaller level is a slip of the mouse (a lumbar body has 20 to 60 ml).
_LEAST_ML = 1.0
_HEADER_BYTES = 4096
_READ_BYTES = 1 << 20
_DAMAGE = (ImageFileError, HeaderDataError, WrapStructError, OSError, EOFError, zlib.error, ValueError)


@dataclass(frozen=True, kw_only=True)
class LevelChange:
    """How one level differs between two masks; ``dice`` is 1 where nothing changed, 0 if only one mask has it."""

    level: Level
    added_voxels: int
    removed_voxels: int
    dice: float


def read_sent_mask(content: bytes, grid: Geometry) -> LabelArray:
    """The labels (I, J, K) of a gzipped NIfTI file, which must lie on ``grid``.

    Raises UsageError in one sentence if it is damaged, too large, empty, on another grid, or has other labels.
    """
    image = _load(_unpacked(content, int(np.prod(grid.shape)) + _HEADER_BYTES))
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ np.asarray(image.affine, dtype=float)
    if image.shape != grid.shape:
        raise UsageError(
            f"the mask has {_times(image.shape)} voxels, expected {_times(grid.shape)}: it belongs to another series; "
            "reload the page"
        )
    if not np.isfinite(affine).all() or np.abs(affine - grid.affine_lps).max() > 1e-2:
        raise UsageError("the mask lies elsewhere than this CT: it belongs to another series; reload the page")
    if image.get_data_dtype() != np.uint8:
        raise UsageError(f"the mask has data type {image.get_data_dtype()}, expected uint8")
    proxy: Any = image.dataobj
    try:
        labels: LabelArray = np.asfortranarray(np.asanyarray(proxy.get_unscaled()), dtype=np.uint8)
    except _DAMAGE as error:
        raise UsageError(_damaged(error)) from None
    check_labels(labels, grid)
    return labels


def check_labels(labels: LabelArray, grid: Geometry) -> None:
    """Raises UsageError for unknown numbers, an empty mask, or a level of less than 1 ml."""
    counts = np.bincount(labels.ravel(order="K"), minlength=256)
    present = [number for number in np.flatnonzero(counts) if number]
    unknown = [int(number) for number in present if number not in READER_LEVELS]
    if unknown:
        raise UsageError(
            f"the mask holds {', '.join(map(str, unknown[:5]))}, which is not a level; "
            f"expected VerSe numbers {READER_LEVELS[0]:d} to {READER_LEVELS[-2]:d} and {Level.T13:d}"
        )
    if not present:
        raise UsageError("the mask is empty; outline at least one level, or reject the reading")
    small = [Level(int(n)).name for n in present if counts[n] * grid.voxel_volume_ml < _LEAST_ML]
    if small:
        raise UsageError(f"less than {_LEAST_ML:g} ml of {', '.join(small)} is outlined; erase it or finish it")


def mask_hash(labels: LabelArray, grid: Geometry) -> str:
    """Twelve hex digits that identify a mask by its labels and grid."""
    digest = hashlib.sha256(np.round(grid.affine_lps, 3).tobytes())
    digest.update(repr(labels.shape).encode())
    digest.update(np.asfortranarray(labels).tobytes(order="F"))
    return digest.hexdigest()[:12]


def changes_between(before: LabelArray, after: LabelArray) -> tuple[LevelChange, ...]:
    """Every level of either mask, from head to foot, with voxels added and removed."""
    pairs = np.bincount(
        before.ravel(order="K").astype(np.uint16) * 256 + after.ravel(order="K"), minlength=1 << 16
    ).reshape(256, 256)
    levels = [n for n in range(1, 256) if pairs[n].any() or pairs[:, n].any()]
    found = []
    for n in levels:
        own, kept = int(pairs[n].sum()), int(pairs[n, n])
        new = int(pairs[:, n].sum())
        found.append(
            LevelChange(
                level=Level(n), added_voxels=new - kept, removed_voxels=own - kept, dice=2 * kept / max(own + new, 1)
            )
        )
    return tuple(found)


def released(labels: LabelArray) -> LabelArray:
    """``labels`` with only the levels that a released mask may hold."""
    table = np.zeros(256, dtype=np.uint8)
    table[list(MASK_LEVELS)] = MASK_LEVELS
    found: LabelArray = table[labels]
    return found


def _unpacked(content: bytes, most: int) -> bytes:
    """The decompressed file, at most ``most`` bytes."""
    parts, size = [], 0
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as packed:
            while part := packed.read(_READ_BYTES):
                size += len(part)
                if size > most:
                    raise UsageError("the mask has more voxels than this CT: it belongs to another series")
                parts.append(part)
    except (OSError, EOFError, zlib.error) as error:
        raise UsageError(_damaged(error)) from None
    return b"".join(parts)


def _load(content: bytes) -> nibabel.Nifti1Image:
    try:
        return nibabel.Nifti1Image.from_bytes(content)
    except _DAMAGE as error:
        raise UsageError(_damaged(error)) from None


def _damaged(error: Exception) -> str:
    return f"the mask arrived damaged ({type(error).__name__}); save again, nothing was stored"


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(str(n) for n in shape)
