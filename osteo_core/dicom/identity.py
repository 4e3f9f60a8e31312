"""Which series and study a file belongs to; files with blanked identifiers are distinguished by their folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from osteo_core.dicom.values import Source, printable, text


@dataclass(frozen=True, kw_only=True, order=True)
class Identity:
    """Raw identifiers, or substitutes for blank ones. Outputs of this series are named after ``name``."""

    study: str
    series: str
    name: str
    is_stated: bool


def identity_of(source: Source, path: Path) -> Identity:
    """The identity of one file by its elements."""
    uids = text(source, "StudyInstanceUID"), text(source, "SeriesInstanceUID")
    return identity(uids, f"{text(source, 'SeriesNumber')} {text(source, 'FrameOfReferenceUID')}", path)


def identity(uids: tuple[str, str], within: str, path: Path) -> Identity:
    """The identity by study and series UID; without them, by folder and ``within`` (which separates series in it)."""
    study, series = uids
    if series:
        return Identity(study=study or f"of series {series}", series=series, name=series, is_stated=bool(study))
    folder = path.parent.resolve()
    place = f"{folder} {within}"
    return Identity(
        study=study or f"of folder {place}", series=f"folder {place}", name=printable(folder.name), is_stated=False
    )


def unique_names(names: Sequence[str]) -> list[str]:
    """The names in their order; a repeated one gets a number that makes it unlike all others.

    >>> unique_names(["ct", "ct_2", "ct"])
    ['ct', 'ct_2', 'ct_3']
    """
    given, count = set(names), Counter[str]()
    found = []
    for name in names:
        count[name] += 1
        while count[name] > 1 and f"{name}_{count[name]}" in given:
            count[name] += 1
        found.append(name if count[name] == 1 else f"{name}_{count[name]}")
    return found
