"""Our general line beside every available published or measured relation of HU and QCT.

``python -m benchmarks.density --relations [--json]`` prints the table, ``python -m benchmarks.density_relations --svg
FILE`` draws the lines. A relation is either a line, whose difference at 0 to 200 HU is reported, or a bias and an SD
against QCT with its phantom in view, shown beside the uncertainty that our line states. 120 kVp, a usual body.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from osteo_core.density.calibration.known_phantoms import QCT_PRO, fit_rods, known_phantoms
from osteo_core.density.calibration.lines import usual_line
from osteo_core.density.calibration.scan import as_general
from osteo_core.records import Calibration
from osteo_core.terms import Mineral

HU = (0.0, 50.0, 100.0, 150.0, 200.0)
_KVP = 120.0
#: HU of rods A to E in the one public scan of a QCT Pro phantom (test data of a public program).
REAL_RODS_HU = (-69.549, -35.378, 176.712, 345.738, 462.936)


@dataclass(frozen=True, kw_only=True)
class Line:
    """vBMD = slope HU + intercept, as found by others."""

    source: str
    slope: float
    intercept: float
    mineral: Mineral = Mineral.K2HPO4


@dataclass(frozen=True, kw_only=True)
class Scatter:
    """Bias and SD against QCT with its phantom in view, mg/cm3 (percentages are taken at 100)."""

    source: str
    bias: float | None
    sd: float | None


def real_scan() -> Line:
    """The line of the rods of the one public scan."""
    fit = fit_rods(known_phantoms()[QCT_PRO].rods, REAL_RODS_HU)
    return Line(source="QCT Pro rods, one real scan", slope=fit.slope_mg_cm3_per_hu, intercept=fit.intercept_mg_cm3)


def lines() -> tuple[Line, ...]:
    """Every relation that is a line."""
    return (
        real_scan(),
        Line(source="our line up to 0.1 (HA displaces half-fat marrow)", slope=0.685, intercept=17.35),
        Line(source="Schroeder, clinical pairs, native 120 kVp (unchecked)", slope=0.7, intercept=17.8),
        Line(source="trial, GE, HA pad, least along a scan", slope=0.76, intercept=0.0, mineral=Mineral.HA),
        Line(source="trial, GE, HA pad, most along a scan", slope=0.99, intercept=0.0, mineral=Mineral.HA),
    )


SCATTERS = (
    Scatter(source="VerSe, 6 native pairs, effective energy minus phantom", bias=16.0, sd=13.8),
    Scatter(source="Bartenschlager 2023, pre-calibrated, standard protocol", bias=2.4, sd=3.5),
    Scatter(source="Bartenschlager 2023, not pre-calibrated, standard protocol", bias=12.6, sd=13.2),
    Scatter(source="Bartenschlager 2023, not pre-calibrated, clinical scans", bias=0.5, sd=8.8),
    Scatter(source="Kaesmacher 2017, asynchronous (8.0 %)", bias=None, sd=8.0),
    Scatter(source="Kaesmacher 2017, internal (7.8 %, 2.7 % low)", bias=-2.7, sd=7.8),
    Scatter(source="Skornitzke 2022, another scanner's line", bias=-5.6, sd=9.2),
    Scatter(source="Skornitzke 2022, another tube voltage's line", bias=3.8, sd=28.2),
)


def own_line(mineral: Mineral = Mineral.K2HPO4) -> Calibration:
    """Our general line for a usual body at 120 kVp, on the scale of a QCT Pro or of an HA phantom."""
    name = QCT_PRO if mineral is Mineral.K2HPO4 else "HA water equivalent"
    return as_general(usual_line(_KVP, known_phantoms()[name]))


def relations() -> list[dict[str, object]]:
    """One row per relation: ours minus the line's at each HU, or its bias and SD beside our SD at 100 mg/cm3."""
    rows: list[dict[str, object]] = []
    for line in lines():
        ours = own_line(line.mineral)
        differences = {f"at_{hu:.0f}_hu": ours.vbmd_mg_cm3(hu) - (line.slope * hu + line.intercept) for hu in HU}
        rows.append({"relation": line.source, "mineral": line.mineral.value, **differences})
    for scatter in SCATTERS:
        about = {"published_bias": scatter.bias, "published_sd": scatter.sd, "our_sd": own_line().residual_sd_mg_cm3}
        rows.append({"relation": scatter.source, "mineral": Mineral.K2HPO4.value, **about})
    return rows


def main() -> None:
    """Draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--svg", type=Path, required=True, help="where the figure goes")
    parser.parse_args().svg.write_text(figure(), encoding="utf-8")


_WIDTH, _HEIGHT, _LEFT, _TOP, _RIGHT, _BOTTOM = 640, 420, 56, 16, 16, 44
_MOST_HU, _MOST_MG_CM3 = 250.0, 220.0
#: Colours that are distinguishable in grey too (Okabe and Ito 2008), and dashes.
_DRAWN = (("#0072b2", ""), ("#d55e00", "7 4"), ("#009e73", "2 3"), ("#cc79a7", "9 3 2 3"))


def figure() -> str:
    """SVG: our line with its 95 % interval, the rods of the real scan, Schroeder's, and our line up to version 0.1."""
    ours, others = own_line(), lines()[:3]
    shown = [
        (f"ours, {_KVP:.0f} kVp, usual body, 95 % interval", ours.slope_mg_cm3_per_hu, ours.intercept_mg_cm3),
        *((one.source, one.slope, one.intercept) for one in others),
    ]
    half = 1.96 * ours.residual_sd_mg_cm3
    low, high = ([_at(hu, ours.vbmd_mg_cm3(hu) + side * half) for hu in (0.0, _MOST_HU)] for side in (-1.0, 1.0))
    parts = [f'<polygon points="{_path([*low, *reversed(high)])}" fill="#0072b2" fill-opacity="0.15"/>', *_axes()]
    for n, ((name, slope, intercept), (colour, dash)) in enumerate(zip(shown, _DRAWN, strict=True)):
        ends = [_at(hu, slope * hu + intercept) for hu in (0.0, _MOST_HU)]
        style = f'stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}" fill="none"'
        parts.append(f'<polyline points="{_path(ends)}" {style}/>')
        y = _TOP + 16 + 18 * n
        parts.append(f'<line x1="{_LEFT + 12}" y1="{y - 4}" x2="{_LEFT + 44}" y2="{y - 4}" {style}/>')
        parts.append(f'<text x="{_LEFT + 50}" y="{y}">{name}</text>')
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" '
        'font-size="12"><rect width="100%" height="100%" fill="white"/>'
    )
    return "\n".join([head, *parts, "</svg>"]) + "\n"


def _axes() -> list[str]:
    parts = []
    for hu in range(0, int(_MOST_HU) + 1, 50):
        x, y = _at(float(hu), 0.0)
        parts.append(f'<line x1="{x:.1f}" y1="{_TOP}" x2="{x:.1f}" y2="{y:.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{x:.1f}" y="{y + 16:.1f}" text-anchor="middle">{hu}</text>')
    for vbmd in (0, 40, 80, 120, 160, 200):
        x, y = _at(0.0, float(vbmd))
        grey = "#888" if vbmd in (80, 120) else "#ddd"
        parts.append(f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{_WIDTH - _RIGHT}" y2="{y:.1f}" stroke="{grey}"/>')
        parts.append(f'<text x="{x - 6:.1f}" y="{y + 4:.1f}" text-anchor="end">{vbmd}</text>')
    middle = (_TOP + _HEIGHT - _BOTTOM) / 2
    parts.append(f'<text x="{_WIDTH / 2}" y="{_HEIGHT - 8}" text-anchor="middle">trabecular HU, native</text>')
    parts.append(
        f'<text transform="translate(14 {middle}) rotate(-90)" text-anchor="middle">vBMD, mg/cm³ K2HPO4</text>'
    )
    return parts


def _at(hu: float, vbmd_mg_cm3: float) -> tuple[float, float]:
    x = _LEFT + (_WIDTH - _LEFT - _RIGHT) * hu / _MOST_HU
    return x, _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * vbmd_mg_cm3 / _MOST_MG_CM3


def _path(points: list[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


if __name__ == "__main__":
    main()
