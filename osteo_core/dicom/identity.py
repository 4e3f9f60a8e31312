"""Which series and study a file belongs to; files with blanked identifiers are distinguished by their folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydicom import Dataset

from osteo_core.dicom.values import printable, text


@dataclass(frozen=True, kw_only=True, order=True)
class Identity:
    """Raw identifiers, or stand-ins for blank ones. ``name`` is what outputs of this series are named by."""

    study: str
    series: str
    name: str
    is_stated: bool


def identity_of(dataset: Dataset, path: Path) -> Identity:
    """The identity of one file. Without UIDs, files of one folder, series number and frame of reference are one."""
    study, series = text(dataset, "StudyInstanceUID"), text(dataset, "SeriesInstanceUID")
    if series:
        return Identity(study=study or f"of series {series}", series=series, name=series, is_stated=bool(study))
    folder = path.parent.resolve()
    number = text(dataset, "SeriesNumber")
    place = f"{folder} {number} {text(dataset, 'FrameOfReferenceUID')}"
    return Identity(
        study=study or f"of folder {place}", series=f"folder {place}", name=printable(folder.name), is_stated=False
    )


def unique_names(identities: list[Identity]) -> dict[Identity, str]:
    """Names for outputs: as they are, with a number where a name comes again."""
    seen: dict[str, int] = {}
    names = {}
    for identity in sorted(identities):
        seen[identity.name] = seen.get(identity.name, 0) + 1
        count = seen[identity.name]
        names[identity] = identity.name if count == 1 else f"{identity.name}_{count}"
    return names
