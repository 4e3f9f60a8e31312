"""The calibration tables of a site, read once per run and passed to the workers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from osteo_core.density.calibration.known_phantoms import KnownPhantom, known_phantoms, wanted_phantom
from osteo_core.density.calibration.phantom import PhantomLine, read_phantom_lines
from osteo_core.density.calibration.site import SiteLine, read_site_lines
from osteo_core.settings import Settings


@dataclass(frozen=True, kw_only=True)
class CalibrationSetup:
    """The tables of a site as they were when a run began, even if their files change meanwhile.

    ``ways``: names of the calibrations, the preferred one first; ``site_lines``: lines of the site's own table and
    those made in the store; ``phantom_lines``: one per phantom scan; ``phantoms``: all known phantoms by name;
    ``qct_phantom``: the one to whose scale general lines refer; ``settings_hash``: `Settings.hash` at that moment.
    """

    ways: tuple[str, ...]
    site_lines: tuple[SiteLine, ...]
    phantom_lines: tuple[PhantomLine, ...]
    phantoms: Mapping[str, KnownPhantom]
    qct_phantom: KnownPhantom
    settings_hash: str


def read_setup(settings: Settings) -> CalibrationSetup:
    """Read every table that the settings name.

    Raises TableError naming the rows that cannot be used, SettingsError if no table holds the phantom qct_phantom.
    """
    own = settings.phantom_definitions
    lines = (settings.calibration_table, settings.store_lines)
    scans = settings.phantom_table
    return CalibrationSetup(
        ways=settings.calibration_ways,
        site_lines=tuple(line for table in lines if table for line in read_site_lines(Path(table))),
        phantom_lines=read_phantom_lines(Path(scans), own) if scans else (),
        phantoms=known_phantoms(own),
        qct_phantom=wanted_phantom(settings.qct_phantom, own),
        settings_hash=settings.hash,
    )
