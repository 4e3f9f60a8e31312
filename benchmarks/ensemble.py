"""Do three readings combined give a better category? ``python -m benchmarks.ensemble --facts DIR [--patients 24]``.

Simulated patients of every vendor from TEST_SEEDS (from 560000 on, which no other benchmark uses), true masks.
Readings: the calibrated vBMD, the released DenseNet-121, and plain HU cut-offs; then the mean of their class
probabilities and the fuzzy rank ensemble (Kundu 2021). Each against the category of the true vBMD: quadratic kappa and
accuracy with bootstrap intervals over patients, and the paired difference to the calibrated value alone, which is the
category of the product.

DIR stores, for each patient, the measurements and the part of the CT that the network sees, so that each patient is
rendered once: after a stop, the same command resumes, and other weights read the same images. A changed simulator needs
a new DIR.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import pickle
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.density import Answer, answer
from benchmarks.density_facts import Facts, draw_patients, measure, write_phantoms
from benchmarks.fuzzy_ranks import (
    CLASSES,
    HU_CUTS,
    HU_SCATTER_SD,
    average_category,
    class_probabilities,
    fuzzy_rank_category,
    sd_of,
)
from benchmarks.resumable import as_text
from benchmarks.scoring import Row
from models.bmd_regression.network import GRID_MM, SHAPE
from models.grids import box_in_source
from models.registry import load_regressor
from osteo_core.assessment.assess import category_of
from osteo_core.assessment.second_reading import mean_reading
from osteo_core.errors import StatisticsError, UsageError
from osteo_core.imaging.resample import cropped_grid
from osteo_core.records import Estimate, Regressor, Segmentation, Volume
from osteo_core.settings import Settings
from osteo_core.simulate.patient import TEST_SEEDS
from osteo_core.simulate.truth import SimulatedPatient
from osteo_core.statistics.diagnostic import kappa
from osteo_core.terms import ContrastPhase, Level

FIRST_SEED = TEST_SEEDS.start + 60_000
WAYS = ("tissues", "precalibrated")
ARMS = ("calibrated", "DenseNet-121", "HU line", "mean of probabilities", "fuzzy ranks")
#: The network's crop extends this far from a body's centre, with the part behind it and a few spare voxels.
_REACH_MM = np.array(SHAPE) * GRID_MM / 2 + np.array([4.0, 16.0, 4.0])
#: Number of bootstrap draws of patients; with fewer patients than _LEAST_PATIENTS no interval is given.
_DRAWS, _LEAST_PATIENTS = 1000, 5
Indices = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """One patient as measured, and the part of its CT and true bodies that a network sees (None: no sound level)."""

    facts: Facts
    image: tuple[Volume, Segmentation] | None


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One patient: the indices in CLASSES of its true category and of each arm's choice."""

    seed: int
    vendor: str
    is_native: bool
    true: int
    chosen: dict[str, int]


def draw(patient: SimulatedPatient) -> Drawn:
    """Render and measure one patient."""
    facts, volume, segmentation = measure(patient)
    levels = [m.level for m in facts.measurements]
    return Drawn(facts=facts, image=cut_out(volume, segmentation, levels) if levels else None)


def cut_out(volume: Volume, segmentation: Segmentation, levels: Sequence[Level]) -> tuple[Volume, Segmentation]:
    """The part of the CT from which a network reads these levels."""
    middles = np.array([volume.geometry.to_world_mm(np.argwhere(segmentation.labels == n).mean(0)) for n in levels])
    box = box_in_source(np.concatenate([middles - _REACH_MM, middles + _REACH_MM]), volume.geometry, margin=4)
    geometry = cropped_grid(volume.geometry, (box[0].start, box[1].start, box[2].start), volume.voxels_hu[box].shape)
    part = replace(volume, voxels_hu=volume.voxels_hu[box].copy(), geometry=geometry)
    return part, replace(segmentation, labels=segmentation.labels[box].copy(), geometry=geometry)


def drawn_once(patient: SimulatedPatient, folder: Path) -> Drawn:
    """The patient from its file, which is created if missing."""
    path = folder / f"{patient.seed}.pickle.gz"
    if not path.exists():
        partial = path.with_suffix(f".{os.getpid()}.partial")
        with gzip.open(partial, "wb", compresslevel=1) as file:
            pickle.dump(draw(patient), file)
        partial.replace(path)
    with gzip.open(path, "rb") as file:
        found: Drawn = pickle.load(file)
    return found


def read_once(drawn: Drawn, regressor: Regressor, folder: Path) -> Facts:
    """The facts with the network's readings of the sound levels, stored under the network's hash."""
    path = folder / f"{drawn.facts.seed}.{regressor.model_hash}.json"
    if not path.exists():
        found = {}
        if drawn.image is not None and drawn.facts.series.kvp is not None:
            volume, segmentation = drawn.image
            levels = [m.level for m in drawn.facts.measurements]
            phase = ContrastPhase.NATIVE if drawn.facts.is_native else ContrastPhase.ENHANCED
            kvp = drawn.facts.series.kvp
            found = regressor.regress(volume, segmentation, kvp=kvp, levels=levels, phase=phase)
        path.write_text(json.dumps({int(level): vars(estimate) for level, estimate in found.items()}))
    kept = {Level(int(n)): Estimate(**fields) for n, fields in json.loads(path.read_text()).items()}
    measurements = tuple(replace(m, regressed_mg_cm3=kept.get(m.level)) for m in drawn.facts.measurements)
    return replace(drawn.facts, measurements=measurements)


def judge(facts: Facts, settings: Settings) -> Judged | str:
    """The choices of all arms for one patient, or the reason why one of them has none."""
    calibrated, read = answer(facts, settings), mean_reading(facts.measurements)
    if not isinstance(calibrated, Answer):
        return calibrated
    if read is None:
        return "the network read nothing"
    cuts = (settings.osteoporosis_below_mg_cm3, settings.normal_above_mg_cm3)
    hu = float(np.mean([m.median_hu for m in facts.measurements if m.median_hu is not None]))
    probabilities = [
        class_probabilities(calibrated.mean.value, sd_of(calibrated.mean), cuts=cuts),
        class_probabilities(read.value, sd_of(read), cuts=cuts),
        class_probabilities(hu, HU_SCATTER_SD, cuts=HU_CUTS),
    ]
    categories = (
        category_of(calibrated.mean.value, settings),
        category_of(read.value, settings),
        CLASSES[int(np.argmax(probabilities[2]))],
        average_category(probabilities),
        fuzzy_rank_category(probabilities),
    )
    return Judged(
        seed=facts.seed,
        vendor=str(facts.series.vendor),
        is_native=facts.is_native,
        true=CLASSES.index(category_of(calibrated.true_mg_cm3, settings)),
        chosen={arm: CLASSES.index(category) for arm, category in zip(ARMS, categories, strict=True)},
    )


def quadratic_kappa(true: Indices, found: Indices) -> float:
    """Quadratic kappa of two sequences of indices in CLASSES."""
    table = np.zeros((len(CLASSES), len(CLASSES)))
    np.add.at(table, (true, found), 1)
    return kappa(table, weights="quadratic").value


def accuracy(true: Indices, found: Indices) -> float:
    """Share of correct categories."""
    return float(np.mean(true == found))


def compare(judged: Sequence[Judged]) -> list[Row]:
    """One row per arm: kappa and accuracy, and their difference from the calibrated value alone."""
    true = np.array([one.true for one in judged], dtype=np.int64)
    base = np.array([one.chosen[ARMS[0]] for one in judged], dtype=np.int64)
    rows = []
    for arm in ARMS:
        found = np.array([one.chosen[arm] for one in judged], dtype=np.int64)
        row: Row = {"arm": arm, "n": len(judged)}
        for name, of in (("kappa", quadratic_kappa), ("accuracy", accuracy)):
            row |= _columns(name, judged, lambda i, of=of, found=found: of(true[i], found[i]))
            if arm != ARMS[0]:
                paired = lambda i, of=of, found=found: of(true[i], found[i]) - of(true[i], base[i])  # noqa: E731
                row |= _columns(f"{name}_gain", judged, paired)
        rows.append(row)
    return rows


def _columns(name: str, judged: Sequence[Judged], statistic: Callable[[Indices], float]) -> Row:
    """A statistic over patients with its 95 % percentile bootstrap interval (Efron 1993); None if undefined."""
    rng = np.random.default_rng(1)
    found = []
    for places in rng.integers(0, len(judged), (_DRAWS, len(judged))):
        try:
            found.append(statistic(places))
        except StatisticsError:  # all of one class in this draw
            continue
    if len(judged) < _LEAST_PATIENTS or len(found) < 0.9 * _DRAWS:
        return {name: None, f"{name}_low": None, f"{name}_high": None}
    low, high = (float(end) for end in np.quantile(found, [0.025, 0.975]))
    return {name: statistic(np.arange(len(judged))), f"{name}_low": low, f"{name}_high": high}


def table(facts: Sequence[Facts], folder: Path) -> list[Row]:
    """Rows by calibration, vendor, contrast and arm; patients without an answer in an arm are counted."""
    phantoms = folder / "phantoms.csv"
    write_phantoms(list(facts), phantoms)
    rows: list[Row] = []
    for way in WAYS:
        settings = Settings(phantom_table=str(phantoms), calibration_order=way)
        found = [(one, judge(one, settings)) for one in facts]
        for vendor in ("all", *dict.fromkeys(str(one.series.vendor) for one in facts)):
            for group in ("both", "native", "enhanced") if vendor == "all" else ("both",):
                own = [
                    judged
                    for one, judged in found
                    if vendor in ("all", str(one.series.vendor)) and group in ("both", _group(one))
                ]
                given = [one for one in own if isinstance(one, Judged)]
                about: Row = {"way": way, "vendor": vendor, "group": group, "without": len(own) - len(given)}
                rows += [about | row for row in compare(given)] if given else []
    return rows


def shown(rows: Sequence[Row]) -> str:
    """The printed table: each figure with its interval, and whether the gain in kappa is beyond doubt."""
    names = ("kappa", "accuracy", "kappa_gain", "accuracy_gain")
    return as_text(
        [
            {name: row[name] for name in ("way", "vendor", "group", "arm", "n", "without")}
            | {name: _with_interval(row, name) for name in names}
            | {"better": "yes" if (row.get("kappa_gain_low") or 0.0) > 0 else "no" if "kappa_gain" in row else ""}
            for row in rows
        ]
    )


def _with_interval(row: Row, name: str) -> str:
    if row.get(name) is None:
        return ""
    return f"{row[name]:.3f} ({row[f'{name}_low']:.3f} to {row[f'{name}_high']:.3f})"


def _group(facts: Facts) -> str:
    return "native" if facts.is_native else "enhanced"


def main() -> None:
    """Print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=24, help="patients a vendor")
    parser.add_argument("--facts", type=Path, required=True, help="where each patient is kept between runs")
    parser.add_argument("--draw-only", action="store_true", help="render and measure, and read nothing")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    arguments.facts.mkdir(parents=True, exist_ok=True)
    regressor = None if arguments.draw_only else load_regressor()
    if regressor is None and not arguments.draw_only:
        raise UsageError(
            "bmd_regression has no released weights to compare; --draw-only renders the patients meanwhile"
        )
    facts = []
    for n, patient in enumerate(draw_patients(arguments.patients, first_seed=FIRST_SEED), start=1):
        drawn = drawn_once(patient, arguments.facts)
        facts += [read_once(drawn, regressor, arguments.facts)] if regressor is not None else []
        print(f"\r{n} patients", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    rows = table(facts, arguments.facts) if facts else []
    print(json.dumps(rows, indent=1) if arguments.json else shown(rows) if rows else "drawn; nothing was read")


if __name__ == "__main__":
    main()
