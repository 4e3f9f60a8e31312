"""Shared by the tests of this folder: finding with a fixed key, and the one series that should result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from osteo_core.dicom.find import find_series
from osteo_core.dicom.volume import read_volume
from osteo_core.outcomes import Exclusion
from osteo_core.pseudonyms import Pseudonyms
from osteo_core.records import Found, Series, Volume
from osteo_core.settings import Settings
from tests.builders.series import CtSpec, write_series

PSEUDONYMS = Pseudonyms(bytes(range(32)))


def find(*paths: Path, **options: Any) -> Found:
    return find_series(paths, pseudonyms=PSEUDONYMS, settings=Settings(), **options)


def found_in(folder: Path, **spec: Any) -> Found:
    """The result of `find` for one written series."""
    return find(write_series(folder, CtSpec(**spec)).folder)


def the_series(found: Found) -> Series:
    (series,) = found.series
    return series


def the_exclusion(found: Found) -> Exclusion:
    assert found.series == ()
    ((_, exclusion),) = found.excluded
    return exclusion


def caution_codes(found: Found) -> set[str]:
    return {caution.code.value for cautions in found.cautions.values() for caution in cautions}


def volume_of(found: Found) -> Volume:
    volume = read_volume(the_series(found))
    assert isinstance(volume, Volume), volume
    return volume
