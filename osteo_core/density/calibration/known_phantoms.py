"""The known QCT phantoms, rod by rod, and the arithmetic by which each converts HU.

``phantoms.csv`` gives the composition of each rod and its source; a site adds its own phantoms in a file with the same
columns (setting ``phantom_definitions``), since every phantom has its own certificate. Two kinds of rod:

- K2HPO4 in water equivalent, each with its own water equivalent (Mindways QCT Pro). Over the rods
  HU - water = sigma_ref K2HPO4 + beta_ref is fitted; sigma = sigma_ref - 0.2174, beta = beta_ref + 999.6 and
  vBMD = (HU - beta) / sigma (QCT PRO user guide v5.0, 2011).
- Mineral of one density in plain water equivalent (hydroxyapatite phantoms): HU = m density + c, vBMD = (HU - c) / m.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from scipy import special

from osteo_core.density.calibration.site_columns import DENSITY, MINERAL, WATER
from osteo_core.errors import SettingsError, TableError
from osteo_core.statistics.intervals import Z_95
from osteo_core.tables.columns import Column
from osteo_core.tables.rows import read_whole
from osteo_core.terms import Mineral

_TABLE = Path(__file__).with_name("phantoms.csv")
_COLUMNS: tuple[Column, ...] = (
    Column(name="phantom", words=("Phantom", "fantôme", "fantoma", "体模")),
    MINERAL,
    Column(name="rod", words=("Stab", "Einsatz", "insert", "barreau", "varilla")),
    DENSITY,
    WATER,
    Column(name="source", words=("Quelle", "fuente", "来源")),
)
COLUMNS = tuple(column.name for column in _COLUMNS)
#: The phantom to whose scale the QCT limits and the norms refer.
QCT_PRO = "Mindways Model 3"
#: The usual phantom of each mineral, by which a site's own line is converted to another beam.
USUAL_PHANTOM = {Mineral.K2HPO4: QCT_PRO, Mineral.HA: "HA water equivalent"}
#: Corrections to the fit of the QCT Pro rods (QCT PRO user guide v5.0, 2011).
_SIGMA_WATER, _BETA_WATER = 0.2174, 999.6
#: Two densities that differ by at most this belong to the same rod of a phantom, mg/cm3.
_SAME_MG_CM3 = 0.05
_LEAST_RODS = 2


@dataclass(frozen=True, kw_only=True)
class Rod:
    """One rod: its mineral and, in a QCT Pro phantom, its own water equivalent (None: plain water equivalent)."""

    name: str
    density_mg_cm3: float
    water_mg_cm3: float | None


@dataclass(frozen=True, kw_only=True)
class KnownPhantom:
    """A phantom and its rods, in the order of its table."""

    name: str
    mineral: Mineral
    rods: tuple[Rod, ...]
    source: str

    @property
    def has_own_water(self) -> bool:
        """Whether each rod has its own water equivalent, as in a QCT Pro phantom."""
        return self.rods[0].water_mg_cm3 is not None

    def rod_of(self, density_mg_cm3: float) -> Rod | None:
        """The rod of that density; None if the phantom has none."""
        near = min(self.rods, key=lambda rod: abs(rod.density_mg_cm3 - density_mg_cm3))
        return near if abs(near.density_mg_cm3 - density_mg_cm3) <= _SAME_MG_CM3 else None


@dataclass(frozen=True, kw_only=True)
class RodFit:
    """vBMD = slope HU + intercept fitted to rods; residual SD in mg/cm3 (NaN below three rods), R2 and number of rods.

    ``mean_mg_cm3``: mean density of the rods; ``squares``: sum of squares about it, (mg/cm3)^2.
    """

    slope_mg_cm3_per_hu: float
    intercept_mg_cm3: float
    residual_sd_mg_cm3: float
    r2: float
    n_rods: int
    mean_mg_cm3: float
    squares: float

    def reading_mg_cm3(self, hu: float) -> float:
        """The phantom's reading of that HU."""
        return self.slope_mg_cm3_per_hu * hu + self.intercept_mg_cm3

    def error_sd_mg_cm3(self, vbmd_mg_cm3: float) -> float:
        """Uncertainty of the fit at that vBMD, as an SD in mg/cm3; NaN below three rods.

        Standard error of a fitted line, residual root(1/n + (x - mean)^2 / squares) (Draper and Smith 1998, ch. 1.4),
        which grows beyond the rods, times Student's quantile over the normal one: few rods give an uncertain residual.
        """
        if self.n_rods <= _LEAST_RODS:
            return math.nan
        leverage = 1.0 / self.n_rods + (vbmd_mg_cm3 - self.mean_mg_cm3) ** 2 / self.squares
        return self.residual_sd_mg_cm3 * math.sqrt(leverage) * float(special.stdtrit(self.n_rods - 2, 0.975)) / Z_95


def fit_rods(rods: Sequence[Rod], hu: Sequence[float]) -> RodFit:
    """The line through these rods at these HU, by the arithmetic of their kind.

    Raises ValueError for fewer than two densities, for rods of both kinds, or if HU do not rise with density.
    """
    density = np.array([rod.density_mg_cm3 for rod in rods])
    water = [rod.water_mg_cm3 for rod in rods if rod.water_mg_cm3 is not None]
    if len(np.unique(density)) < _LEAST_RODS:
        raise ValueError(f"a line needs rods of {_LEAST_RODS} densities, found {sorted(set(density.tolist()))}")
    if water and len(water) < len(rods):
        raise ValueError("some rods have a water equivalent and others have none: give it for all or for none")
    shown = np.asarray(hu, dtype=np.float64) - (np.array(water) if water else 0.0)
    rise, offset = (float(x) for x in np.polyfit(density, shown, 1))
    sigma, beta = (rise - _SIGMA_WATER, offset + _BETA_WATER) if water else (rise, offset)
    if sigma <= 0:
        raise ValueError("HU do not rise with density")
    left = shown - rise * density - offset
    n = len(rods)
    return RodFit(
        slope_mg_cm3_per_hu=1.0 / sigma,
        intercept_mg_cm3=-beta / sigma,
        residual_sd_mg_cm3=float(np.sqrt(left @ left / (n - 2))) / sigma if n > _LEAST_RODS else math.nan,
        r2=float(np.corrcoef(density, shown)[0, 1] ** 2),
        n_rods=n,
        mean_mg_cm3=float(density.mean()),
        squares=float(np.sum((density - density.mean()) ** 2)),
    )


def known_phantoms(own: str = "") -> dict[str, KnownPhantom]:
    """All phantoms by name: the program's, and those of the site's file ``own`` ('' for none), which take precedence.

    Raises TableError naming row, found and expected.
    """
    return {**_read(_TABLE), **(_read(Path(own)) if own else {})}


def phantom_named(name: str, own: str = "") -> KnownPhantom | None:
    """The phantom of that name, regardless of case and extra spaces; None if no table holds it."""
    wanted = " ".join(name.lower().split())
    return next((found for key, found in known_phantoms(own).items() if key.lower() == wanted), None)


def wanted_phantom(name: str, own: str = "") -> KnownPhantom:
    """The phantom that the setting qct_phantom names. Raises SettingsError if no table holds it."""
    found = phantom_named(name, own)
    if found is None:
        raise SettingsError(f"setting qct_phantom names {name!r}; known are {', '.join(known_phantoms(own))}")
    return found


def _read(path: Path) -> dict[str, KnownPhantom]:
    try:
        return _parsed(path, path.stat().st_mtime_ns)
    except OSError as error:
        raise TableError(f"phantom definitions {path} cannot be read: {error.strerror}") from error


@cache
def _parsed(path: Path, _changed_ns: int) -> dict[str, KnownPhantom]:
    """The phantoms of one file, cached until the file changes. Raises TableError."""
    rows = [_row(row.cells) for row in read_whole(path, "phantom definitions", _COLUMNS).taken]
    found: dict[str, KnownPhantom] = {}
    for (name, mineral), own in groupby(sorted(rows, key=_phantom_of), key=_phantom_of):
        if name in found:
            raise TableError(f"phantom definitions {path}, phantom {name}: rods of two minerals")
        of_phantom = list(own)
        rods = tuple(rod for _, _, rod, _ in of_phantom)
        _check_phantom(rods, name=name, path=path)
        found[name] = KnownPhantom(name=name, mineral=Mineral(mineral), rods=rods, source=of_phantom[0][3])
    return found


def _phantom_of(row: tuple[str, Mineral, Rod, str]) -> tuple[str, str]:
    return row[0], row[1].value


def _row(cells: Mapping[str, Any]) -> tuple[str, Mineral, Rod, str]:
    rod = Rod(name=cells["rod"], density_mg_cm3=cells["density_mg_cm3"], water_mg_cm3=cells["water_mg_cm3"])
    return cells["phantom"], cells["mineral"], rod, cells["source"]


def _check_phantom(rods: tuple[Rod, ...], *, name: str, path: Path) -> None:
    where = f"phantom definitions {path}, phantom {name}"
    if len({rod.density_mg_cm3 for rod in rods}) < _LEAST_RODS:
        raise TableError(f"{where}: found {len(rods)} rods of one density, expected at least two densities")
    if len({rod.name for rod in rods}) < len(rods):
        raise TableError(f"{where}: two rods have the same name")
    if len({rod.water_mg_cm3 is None for rod in rods}) > 1:
        raise TableError(f"{where}: water_mg_cm3 is given for some rods only, expected for all or for none")
