"""The masks in a folder, by the name of the series each belongs to. Headers and names alone; no voxel is read.

A mask belongs to the series that a SEG references; else to the one that its file, or the folder that holds it alone
or in one file a structure, is named after: SeriesInstanceUID, or the CT file's name without .nii.gz.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from osteo_core.dicom.header import NotReadable, read_header
from osteo_core.dicom.identity import identity_of
from osteo_core.dicom.seg import seg_header
from osteo_core.imaging.nifti import is_nifti, nifti_stem
from osteo_core.outcomes import Exclusion, ExclusionCode
from osteo_core.records import Series
from osteo_core.segmentation.bodies import CUT_VERSION
from osteo_core.segmentation.naming import NNUNET_NAMES, MaskTool, level_of_name
from osteo_core.terms import Step

#: What tools add to the CT's name: spine-segment; SPINEPS and the VerSe data.
_ENDINGS = ("_vertebral-level", "_seg-vert_msk", "_mod-ct_seg-vert_msk", "_seg")
#: What the CT's own name ends in where the mask's does not: VerSe, nnU-Net.
_CT_ENDINGS = ("_ct", "_0000")
#: The output folder in TotalSegmentator's own examples; the folder above it then carries the name.
_OWN_FOLDER = "segmentations"
_HASH_DIGITS = 12
_CHUNK = 2**20


@dataclass(frozen=True, kw_only=True)
class MaskFiles:
    """One mask: a NIfTI label map, a SEG, or NIfTI files of one vertebra each; and whose numbers it holds."""

    files: tuple[Path, ...]
    tool: MaskTool

    @property
    def is_one_file_a_structure(self) -> bool:
        """Whether each file is one vertebra, named by the file."""
        return is_nifti(self.files[0]) and level_of_name(nifti_stem(self.files[0])) is not None

    @property
    def names_beside(self) -> Path:
        """Where nnU-Net leaves the names of its labels."""
        return self.files[0].parent / NNUNET_NAMES

    def model_hash(self) -> str:
        """Twelve hex digits over all that decides which voxels are which body: content, numbering and the cut."""
        seen = hashlib.sha256(f"{CUT_VERSION}\0{self.tool}".encode())
        beside = (self.names_beside,) if self.names_beside.is_file() else ()
        for file in (*self.files, *beside):
            seen.update(f"\0{file.name if self.is_one_file_a_structure else ''}\0".encode(errors="surrogatepass"))
            with file.open("rb") as content:
                while chunk := content.read(_CHUNK):
                    seen.update(chunk)
        return seen.hexdigest()[:_HASH_DIGITS]


@dataclass(frozen=True, kw_only=True)
class MaskFolder:
    """All masks of a folder by the names under which their series are known."""

    tool: MaskTool
    masks: dict[str, tuple[MaskFiles, ...]] = field(default_factory=dict)

    def mask_of(self, series: Series) -> MaskFiles | Exclusion:
        """The one mask of a series; an Exclusion where there is none, or more than one."""
        named = dict.fromkeys(mask for name in _names_of(series) for mask in self.masks.get(name, ()))
        own = {file.resolve() for file in series.files}  # where masks lie beside the CT
        found = [mask for mask in named if not own & {file.resolve() for file in mask.files}]
        if len(found) == 1:
            return found[0]
        if not found:
            said = "by the series that a SEG references, or by the name of file or folder"
            return Exclusion(code=ExclusionCode.NO_MASK, step=Step.SEGMENT, found=said)
        said = f"{len(found)} masks name this series, and it is not known which is meant"
        return Exclusion(code=ExclusionCode.MASK_REFUSED, step=Step.SEGMENT, found=said)


def find_masks(folder: Path, tool: MaskTool) -> MaskFolder:
    """The masks below ``folder``; ``tool`` says whose numbers those have that name none."""
    masks: dict[str, tuple[MaskFiles, ...]] = {}
    for here, _, names in os.walk(folder):
        for name, files in _masks_in(Path(here), sorted(names), is_root=Path(here) == folder):
            masks[name] = (*masks.get(name, ()), MaskFiles(files=files, tool=tool))
    return MaskFolder(tool=tool, masks=masks)


def _masks_in(folder: Path, names: list[str], *, is_root: bool) -> Iterator[tuple[str, tuple[Path, ...]]]:
    files = [folder / name for name in names]
    volumes = [file for file in files if is_nifti(file)]
    parts = tuple(file for file in volumes if level_of_name(nifti_stem(file)) is not None)
    own_name = folder.parent.name if folder.name == _OWN_FOLDER else folder.name
    if parts:
        yield own_name, parts
        return  # the other files of such a folder are other structures
    for file in volumes:
        stem = nifti_stem(file)
        alone = {own_name} if len(volumes) == 1 and not is_root else set()
        yield from ((name, (file,)) for name in {*_with_and_without(_ENDINGS, stem), *alone})
    for file in (file for file in files if not is_nifti(file)):
        header = seg_header(file)
        if header is not None:
            own = set(header.series_instance_uids) or {file.stem, file.name}
            yield from ((name, (file,)) for name in own)


def _with_and_without(endings: tuple[str, ...], stem: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys((stem, *(stem.removesuffix(ending) for ending in endings))))


def _names_of(series: Series) -> tuple[str, ...]:
    """The series' own name by its first file: a store keeps none."""
    first = series.files[0]
    if is_nifti(first):
        return _with_and_without(_CT_ENDINGS, nifti_stem(first))
    header = read_header(first)
    return () if isinstance(header, NotReadable) else (identity_of(header, first).name,)
