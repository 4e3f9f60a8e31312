"""Does calibrated vBMD agree with the truth, and its interval cover it? ``python -m benchmarks.density``.

Simulated patients of every vendor, true masks (for outlines see benchmarks.segmentation_simulated), each calibrated in
every way: r, bias, limits of agreement and RMSE of the patient's mean against its true vBMD, refusals with their
reason, and how often the 95 % interval of patient and level covers the truth. The same against simulated QCT, which
has its own error. Patients without contrast are reported separately: contrast adds an unknown 19 HU (SD) to bone.
``--bands`` and ``--relations`` print the tables of the scale (`density_bands`, `density_relations`) instead.
"""

from __future__ import annotations

import argparse
import json
import pickle
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.density_bands import bands, draw_scans, pairs_of
from benchmarks.density_facts import Facts, draw_facts, write_phantoms
from benchmarks.density_relations import relations
from benchmarks.resumable import as_text
from osteo_core.density.calibration.apply import interval_parts, mean_bone_hu, mean_vbmd, vbmd_of_level
from osteo_core.density.calibration.choose import choose_calibration
from osteo_core.density.calibration.setup import CalibrationSetup, read_setup
from osteo_core.outcomes import Exclusion
from osteo_core.records import Estimate
from osteo_core.settings import CALIBRATION_WAYS, Settings
from osteo_core.statistics.agreement import bland_altman, pearson, rmse

_MINIMUM_LEVELS = 2
_LEAST_PATIENTS = 4
#: Columns of the printed table.
_SHOWN = (
    ("r", ".3f"),
    ("bias", ".1f"),
    ("loa_low", ".1f"),
    ("loa_high", ".1f"),
    ("rmse", ".1f"),
    ("coverage", ".3f"),
    ("coverage_levels", ".3f"),
    ("half_width", ".1f"),
    ("qct_r", ".3f"),
    ("qct_bias", ".1f"),
    ("qct_loa_low", ".1f"),
    ("qct_loa_high", ".1f"),
    ("qct_coverage", ".3f"),
)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One patient in one way: interval of the mean, truth, QCT's mean over the same levels, levels covered."""

    mean: Estimate
    true_mg_cm3: float
    qct_mg_cm3: float | None
    levels_held: tuple[bool, ...]
    parts_mg_cm3: dict[str, float]


def answer(facts: Facts, settings: Settings, setup: CalibrationSetup | None = None) -> Answer | str:
    """The patient's answer under these settings, or the reason for none; ``setup``: their tables, read before."""
    if len(facts.measurements) < _MINIMUM_LEVELS:
        return "fewer than two sound levels"
    bone_hu = mean_bone_hu(facts.measurements, facts.correction)
    calibration = choose_calibration(facts.series, setup or read_setup(settings), facts.tissues, bone_hu=bone_hu)
    if isinstance(calibration, Exclusion):
        return calibration.found
    levels = [m.level for m in facts.measurements]
    held = []
    for measurement in facts.measurements:
        own = vbmd_of_level(measurement, calibration, facts.correction)
        held.append(own is not None and own.low <= facts.true_mg_cm3[measurement.level] <= own.high)
    has_qct = all(level in facts.qct_mg_cm3 for level in levels)
    return Answer(
        mean=mean_vbmd(facts.measurements, calibration, facts.correction),
        true_mg_cm3=float(np.mean([facts.true_mg_cm3[level] for level in levels])),
        qct_mg_cm3=float(np.mean([facts.qct_mg_cm3[level] for level in levels])) if has_qct else None,
        levels_held=tuple(held),
        parts_mg_cm3={
            part.name: part.offset_sd_mg_cm3
            for part in interval_parts(facts.measurements, calibration, facts.correction)
        },
    )


def summary(answers: list[Answer]) -> dict[str, float]:
    """Agreement with the truth (and with QCT), and coverage."""
    found = np.array([a.mean.value for a in answers])
    true = np.array([a.true_mg_cm3 for a in answers])
    held = [a.mean.low <= a.true_mg_cm3 <= a.mean.high for a in answers]
    levels = [one for a in answers for one in a.levels_held]
    row = _agreement(found, true) | {
        "coverage": float(np.mean(held)),
        "coverage_levels": float(np.mean(levels)),
        "half_width": float(np.mean([(a.mean.high - a.mean.low) / 2 for a in answers])),
        "lowest_low": min(a.mean.low for a in answers),
    }
    names = {name for a in answers for name in a.parts_mg_cm3}
    row |= {
        f"sd_{name.replace(' ', '_')}": float(np.mean([a.parts_mg_cm3.get(name, 0.0) for a in answers]))
        for name in sorted(names)
    }
    pairs = [(a.mean.value, a.qct_mg_cm3, a.mean.low, a.mean.high) for a in answers if a.qct_mg_cm3 is not None]
    if len(pairs) >= _LEAST_PATIENTS:
        value, qct, low, high = np.array(pairs).T
        row |= {f"qct_{name}": figure for name, figure in _agreement(value, qct).items()}
        row["qct_coverage"] = float(np.mean((low <= qct) & (qct <= high)))
    return row


def _agreement(found: np.ndarray, true: np.ndarray) -> dict[str, float]:
    agreement = bland_altman(found, true)
    return {
        "n": len(found),
        "r": pearson(found, true).value,
        "bias": agreement.bias.value,
        "loa_low": agreement.lower_limit.value,
        "loa_high": agreement.upper_limit.value,
        "rmse": rmse(found, true),
    }


def table(facts: list[Facts]) -> list[dict[str, object]]:
    """One row per calibration, vendor and contrast group ('both': all patients)."""
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as folder:
        phantoms = Path(folder) / "phantoms.csv"
        write_phantoms(facts, phantoms)
        for way in CALIBRATION_WAYS:
            settings = Settings(phantom_table=str(phantoms), calibration_order=way)
            if way == "site":
                continue  # a table made by the site: cannot be simulated
            setup = read_setup(settings)
            answers = [(one, answer(one, settings, setup)) for one in facts]
            for vendor in [*dict.fromkeys(str(one.series.vendor) for one in facts), "all"]:
                of_vendor = [pair for pair in answers if vendor in ("all", str(pair[0].series.vendor))]
                rows += [_row(way, vendor, group, of_vendor) for group in ("native", "enhanced", "both")]
    return rows


def _row(way: str, vendor: str, group: str, answers: list[tuple[Facts, Answer | str]]) -> dict[str, object]:
    own = [found for one, found in answers if group == "both" or one.is_native == (group == "native")]
    given = [found for found in own if isinstance(found, Answer)]
    reasons = Counter(found for found in own if isinstance(found, str))
    row: dict[str, object] = {
        "way": way,
        "vendor": vendor,
        "group": group,
        "patients": len(own),
        "refused": len(own) - len(given),
        "reason": next((reason for reason, _ in reasons.most_common(1)), ""),
    }
    return row | (summary(given) if len(given) >= _LEAST_PATIENTS else {})


def _print_scale(arguments: argparse.Namespace) -> None:
    """Print the tables of the scale: by band, or beside other relations."""
    if arguments.relations:
        rows = relations()
        print(json.dumps({"relations": rows}, indent=1) if arguments.json else as_text(rows))
        return
    rows = bands([pair for facts in draw_scans(arguments.patients) for pair in pairs_of(facts)])
    print(json.dumps({"bands": rows}, indent=1) if arguments.json else as_text(rows))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=24, help="patients a vendor")
    parser.add_argument("--facts", type=Path, help="keep what was measured in this file, and start from it if there")
    parser.add_argument("--bands", action="store_true", help="bias by band of vBMD, vendor and voltage; no images")
    parser.add_argument("--relations", action="store_true", help="our line beside published and measured ones")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    if arguments.bands or arguments.relations:
        _print_scale(arguments)
        return
    if arguments.facts and arguments.facts.exists():
        facts: list[Facts] = pickle.loads(arguments.facts.read_bytes())
    else:
        facts = list(draw_facts(arguments.patients))
        if arguments.facts:
            arguments.facts.write_bytes(pickle.dumps(facts))
    rows = table(facts)
    if arguments.json:
        print(json.dumps(rows, indent=1))
        return
    print(f"{'way':16s} {'vendor':13s} {'group':8s}    n refused  " + "  ".join(name for name, _ in _SHOWN))
    for row in rows:
        line = f"{row['way']:16s} {row['vendor']:13s} {row['group']:8s} {row['patients']:4d} {row['refused']:7d}"
        shown = [f"{row[name]:{max(len(name), 5)}{form}}" for name, form in _SHOWN if name in row]
        print(f"{line}  {'  '.join(shown) if shown else row['reason']}")


if __name__ == "__main__":
    main()
