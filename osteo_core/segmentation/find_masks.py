"""The masks in a folder, by the name of the series to which each belongs. Only headers and names are read, no voxels.

A SEG belongs to the series that it references; any other mask to the series after which its file is named, or the
folder that holds it alone or as one file per structure. A series is identified by its SeriesInstanceUID or file name,
else by the name of its folder, else by its PatientID (`names`); case, composed umlauts and endings added by tools do
not matter.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from osteo_core.dicom.seg import is_structure_set, seg_header
from osteo_core.imaging.files import belongs_to_header, is_volume_file, volume_stem
from osteo_core.imaging.voxel_file import UnknownFileError, voxel_file
from osteo_core.outcomes import Exclusion, ExclusionCode
from osteo_core.records import Series
from osteo_core.segmentation.bodies import CUT_VERSION
from osteo_core.segmentation.names import composed, folded, name_of_place, names_of_mask, names_of_series
from osteo_core.segmentation.naming import MaskTool, level_of_name, nnunet_names_of
from osteo_core.terms import Step

_HASH_DIGITS = 12
_CHUNK = 2**20
#: A reason lists at most this many names of each side.
_LISTED = 5
#: At most this many files beside the masks are opened to tell what they are.
_EXAMINED = 200
_ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".7z", ".rar")


@dataclass(frozen=True, kw_only=True)
class MaskFiles:
    """One mask: a label map, a SEG, or one file per vertebra, named after it; and the tool whose numbers it has."""

    files: tuple[Path, ...]
    tool: MaskTool
    is_one_file_a_structure: bool = False

    @property
    def names_beside(self) -> Path:
        """The file in which nnU-Net writes the names of its labels."""
        return nnunet_names_of(self.files[0])

    def model_hash(self) -> str:
        """Twelve hex digits over all that decides which voxels are which body: content, numbering and the cut."""
        seen = hashlib.sha256(f"{CUT_VERSION}\0{self.tool}".encode())
        beside = (self.names_beside,) if self.names_beside.is_file() else ()
        for file in (*self.files, *beside, *filter(None, map(_voxels_beside, self.files))):
            seen.update(f"\0{file.name if self.is_one_file_a_structure else ''}\0".encode(errors="surrogatepass"))
            with file.open("rb") as content:
                while chunk := content.read(_CHUNK):
                    seen.update(chunk)
        return seen.hexdigest()[:_HASH_DIGITS]


@dataclass(frozen=True, kw_only=True)
class MaskFolder:
    """All masks of a folder by the names that identify their series.

    ``others``: files that are no masks. ``tells_names``: whether a reason may repeat names of files and folders, which
    may be patients' names: True if the results stay beside the files (``process``), False for a store.
    """

    tool: MaskTool
    masks: dict[str, tuple[MaskFiles, ...]] = field(default_factory=dict)
    others: tuple[Path, ...] = ()
    tells_names: bool = False

    def masks_of(self, series: Iterable[Series]) -> dict[str, MaskFiles | Exclusion]:
        """The mask of each series by its key; an Exclusion if there is none or it is not certain which.

        A mask that two series share through the name of their folder or patient belongs to neither.
        """
        found: dict[str, MaskFiles | Exclusion] = {}
        is_by_place: dict[str, bool] = {}
        for one in series:
            found[one.series_key], is_by_place[one.series_key] = self._mask_of(one)
        uses = Counter(mask for mask in found.values() if isinstance(mask, MaskFiles))
        for key, mask in found.items():
            if isinstance(mask, MaskFiles) and is_by_place[key] and uses[mask] > 1:
                found[key] = refused(f"{uses[mask]} series share the folder or the patient after which it is named")
        return found

    def mask_of(self, series: Series) -> MaskFiles | Exclusion:
        """The mask of a single series; an Exclusion if there is none or it is not certain which."""
        return self._mask_of(series)[0]

    def _mask_of(self, series: Series) -> tuple[MaskFiles | Exclusion, bool]:
        """The mask, and whether it was found by the name of a folder or a patient."""
        own = {file.resolve() for file in series.files}  # masks may lie beside the CT
        names = names_of_series(series)
        for tier, group in enumerate(names):
            for match in (composed, folded):
                wanted = {match(name) for name in group}
                hits = (mask for name in sorted(wanted) for mask in self._indexes[match].get(name, ()))
                found = [m for m in dict.fromkeys(hits) if not own & {file.resolve() for file in m.files}]
                if len(found) > 1:
                    return refused(self._several(found)), tier > 0
                if found:
                    return found[0], tier > 0
        return Exclusion(code=ExclusionCode.NO_MASK, step=Step.SEGMENT, found=self._why_none(names)), False

    @functools.cached_property
    def _indexes(self) -> dict[Callable[[str], str], dict[str, tuple[MaskFiles, ...]]]:
        """The masks by their composed and by their folded names."""
        indexes: dict[Callable[[str], str], dict[str, tuple[MaskFiles, ...]]] = {composed: {}, folded: {}}
        for match, index in indexes.items():
            for name, masks in self.masks.items():
                index[match(name)] = (*index.get(match(name), ()), *masks)
        return indexes

    def _several(self, found: list[MaskFiles]) -> str:
        which = f" ({_listed([mask.files[0].name for mask in found])})" if self.tells_names else ""
        return f"{len(found)} masks name this series{which}, and it is not known which is meant"

    def _why_none(self, names: tuple[tuple[str, ...], ...]) -> str:
        if not self.tells_names:
            return (
                f"by the series that a SEG references, or by the name of file or folder; {len(self.masks)} names there"
                f"{self._not_read}"
            )
        looked = _listed([name for group in names[:2] for name in group])
        patient = " or its PatientID" if len(names) > 2 and names[2] else ""
        there = f"those there are named {_listed(list(self.masks))}" if self.masks else "the folder holds no mask"
        return f"looked for {looked}{patient}; {there}{self._not_read}"

    @functools.cached_property
    def _not_read(self) -> str:
        """Other files that may hold masks, in words; only the first are examined."""
        kinds = Counter(kind for file in self.others[:_EXAMINED] if (kind := _kind_of(file)))
        words = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        return f"; not read: {words}" if words else ""


def find_masks(folder: Path, tool: MaskTool) -> MaskFolder:
    """The masks below ``folder``; ``tool``: the numbering of masks without names of their own."""
    masks: dict[str, tuple[MaskFiles, ...]] = {}
    files: list[Path] = []
    for here, _, names in os.walk(folder):
        files += (Path(here) / name for name in names)
        for name, mask in _masks_in(Path(here), sorted(names), top=folder, tool=tool):
            masks[name] = (*masks.get(name, ()), mask)
    used = {file for own in masks.values() for mask in own for file in mask.files}
    return MaskFolder(tool=tool, masks=masks, others=tuple(sorted(set(files) - used)))


def _masks_in(folder: Path, names: list[str], *, top: Path, tool: MaskTool) -> Iterator[tuple[str, MaskFiles]]:
    # Opening a pipe would block forever.
    files = [folder / name for name in names if not name.startswith(".") and (folder / name).is_file()]
    volumes = [file for file in files if is_volume_file(file)]
    parts = tuple(file for file in volumes if level_of_name(volume_stem(file)) is not None)
    place = name_of_place(folder, top=top)
    if parts and place:
        yield place, MaskFiles(files=parts, tool=tool, is_one_file_a_structure=True)
    for file in volumes:
        own = dict.fromkeys(names_of_mask(volume_stem(file)))
        is_alone = len(volumes) == 1 and folder != top
        if place and (is_alone or not own) and file not in parts:
            own[place] = None
        yield from ((name, MaskFiles(files=(file,), tool=tool)) for name in own)
    for file in (file for file in files if not is_volume_file(file) and not belongs_to_header(file)):
        header = seg_header(file)
        if header is not None:
            named = {*names_of_mask(file.stem), file.name, *filter(None, [place if len(files) == 1 else ""])}
            mask = MaskFiles(files=(file,), tool=tool)
            yield from ((name, mask) for name in set(header.series_instance_uids) or named)


def _voxels_beside(file: Path) -> Path | None:
    """The file with the voxels of a header; None if they are in the file itself, or it will be refused."""
    with contextlib.suppress(UnknownFileError):
        voxels = voxel_file(file)
        return voxels if voxels != file and voxels.is_file() else None
    return None


def _kind_of(file: Path) -> str:
    """What a file is that may hold masks but is not read, in words that follow a count; '' for any other."""
    if file.name.lower().endswith(_ARCHIVES):
        return "archive(s), which must be unpacked first"
    return "RTSTRUCT, of which a SEG or a NIfTI file must be made first" if is_structure_set(file) else ""


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(repr(name) for name in names[:_LISTED]) + more


def refused(found: str) -> Exclusion:
    """The exclusion of a mask that must not be used; ``found`` says why."""
    return Exclusion(code=ExclusionCode.MASK_REFUSED, step=Step.SEGMENT, found=found)
