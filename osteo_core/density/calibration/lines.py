"""The line of a usual adult for each tube voltage, for scans without a usable tissue.

It is the reading of a QCT phantom behind a usual body, by physics (`beam.py`); nothing of the scan itself is used. A
line holds for its own tube voltage only; there is no interpolation between voltages (a line for the wrong voltage erred
by 3.8 +-28.2 %, Skornitzke 2022). QCT = 17.8 + 0.7 HU (Schroeder et al.) is not offered: it is a regression on
clinical pairs, in which noise in HU flattens the slope and raises the intercept; no phantom reads 18 mg/cm3 in water.
"""

from __future__ import annotations

from osteo_core.density.calibration.beam import beam_kvps, beam_line
from osteo_core.density.calibration.known_phantoms import KnownPhantom
from osteo_core.records import Calibration, Uncertainty

#: Name of the uncertainty due to body size, in every line that rests on the table of beams.
BODY_SIZE = "body size"
#: Water path of an adult abdomen and its scatter, cm (AAPM report 220 and surveys after it; general knowledge, verify).
USUAL_PATH_CM, USUAL_PATH_SD_CM = 28.0, 4.0


def usual_line(kvp: float, phantom: KnownPhantom) -> Calibration:
    """The line of a usual body on this phantom's scale. Raises KeyError for a voltage that is not tabulated."""
    beam = beam_line(kvp, USUAL_PATH_CM, phantom)
    parts = (
        Uncertainty(name="beam filter", relative_sd=beam.filter_relative_sd, source="half-value layers from 7.1 mm Al"),
        Uncertainty(
            name=BODY_SIZE,
            relative_sd=beam.relative_per_cm * USUAL_PATH_SD_CM,
            source=f"water path {USUAL_PATH_CM:.0f} +-{USUAL_PATH_SD_CM:.0f} cm",
        ),
    )
    return Calibration(
        name=f"usual body {kvp:g} kVp",
        kind="published",
        slope_mg_cm3_per_hu=beam.slope_mg_cm3_per_hu,
        intercept_mg_cm3=beam.intercept_mg_cm3,
        residual_sd_mg_cm3=0.0,
        kvp=kvp,
        mineral=phantom.mineral,
        source=f"{phantom.name} by NIST attenuation behind {USUAL_PATH_CM:.0f} cm of water, a usual adult",
        uncertainties=parts,
    )


def shipped_kvps() -> tuple[float, ...]:
    """Tube voltages in kV for which there is a line.

    >>> shipped_kvps()
    (80.0, 100.0, 110.0, 120.0, 130.0, 140.0)
    """
    return beam_kvps()
