"""Lines HU -> vBMD that come with the program, one row a tube voltage; a site's own lines come first.

All are in K2HPO4 equivalents, the mineral of the QCT limits 80 and 120 mg/cm3. None was measured on the
scanner in question, so each carries a residual SD of about 10 % of 100 mg/cm3 and a caution.
A line holds for its own tube voltage only: nothing is interpolated between voltages (a line for the wrong
voltage erred by 3.8 +-28.2 %, Skornitzke 2022).
"""

from __future__ import annotations

from osteo_core.density.calibration.beam import FAULKNER_INTERCEPT, FAULKNER_SLOPE
from osteo_core.records import Calibration
from osteo_core.terms import Mineral

#: '+-20 %' read as a 95 % interval at 100 mg/cm3: how far published lines are trusted here.
_PUBLISHED_RESIDUAL_SD = 10.0
#: Vendor filters and patient size move the spectrum as well: a fifth more.
_PHYSICS_RESIDUAL_SD = 12.0

#: Trabecular HU at 60, 80, 120, 180 mg/cm3 HA displacing marrow of 50 % fat; spectra after 25 cm of water,
#: 3.6 mm Al + 0.6 mm Cu, energy weighted (tissue attenuation by NIST). Lines are fits through these four points.
TRABECULAR_HU_BY_KVP: dict[float, tuple[float, float, float, float]] = {
    80.0: (77.0, 110.0, 176.0, 276.0),
    100.0: (64.0, 91.0, 146.0, 228.0),
    120.0: (57.0, 80.0, 128.0, 200.0),
    140.0: (52.0, 73.0, 116.0, 181.0),
}
_HA_MG_CM3 = (60.0, 80.0, 120.0, 180.0)


def physics_line(kvp: float) -> Calibration:
    """The physics prior for one of the tabulated tube voltages, converted from HA to K2HPO4.

    Raises KeyError for any other voltage.
    """
    hu = TRABECULAR_HU_BY_KVP[kvp]
    mean_hu, mean_ha = sum(hu) / 4, sum(_HA_MG_CM3) / 4
    covariance = sum((h - mean_hu) * (m - mean_ha) for h, m in zip(hu, _HA_MG_CM3, strict=True))
    slope = covariance / sum((h - mean_hu) ** 2 for h in hu)
    return Calibration(
        name=f"physics prior {kvp:g} kVp",
        kind="physics",
        slope_mg_cm3_per_hu=slope / FAULKNER_SLOPE,
        intercept_mg_cm3=(mean_ha - slope * mean_hu - FAULKNER_INTERCEPT) / FAULKNER_SLOPE,
        residual_sd_mg_cm3=_PHYSICS_RESIDUAL_SD,
        kvp=kvp,
        mineral=Mineral.K2HPO4,
        source="NIST attenuation, tungsten spectrum, HA displacing half-fat marrow; HA to K2HPO4 by Faulkner 1993",
    )


#: 17.8 + 0.7 HU (Schroeder et al., native, 120 kVp); general knowledge, to be verified.
SCHROEDER_120 = Calibration(
    name="Schroeder 120 kVp",
    kind="published",
    slope_mg_cm3_per_hu=0.7,
    intercept_mg_cm3=17.8,
    residual_sd_mg_cm3=_PUBLISHED_RESIDUAL_SD,
    kvp=120.0,
    mineral=Mineral.K2HPO4,
    source="Schroeder et al., QCT = 17.8 + 0.7 HU, native, 120 kVp (general knowledge, verify)",
)

#: The line that ships for each tube voltage.
SHIPPED_LINES: tuple[Calibration, ...] = (physics_line(80.0), physics_line(100.0), SCHROEDER_120, physics_line(140.0))
