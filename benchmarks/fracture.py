"""Vertebral fractures of grade 2 and 3 on newly simulated series.

``python -m benchmarks.fracture [--series 100] [--fractured 80] [--masks true|model|both] [--step 0] [--json]``.
The first ``--series`` patients are used as drawn; of the following ones, only those with a fracture of grade 2 or 3 in
T12-L4 are used, ``--fractured`` of them, chosen by the truth and not by the image. Sensitivity is over all patients,
specificity and false alarms over the patients used as drawn. ``--step`` scans everyone with slices of that many mm.
After a stop, the same command resumes (benchmarks/resumable.py).
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count, islice

from benchmarks.resumable import collect
from benchmarks.scoring import Row
from benchmarks.true_masks import REPORT_OFFSET, true_segmentation
from models.registry import load_segmenter
from osteo_core.density.roi import measure_levels
from osteo_core.morphometry.fracture import grade_fractures
from osteo_core.morphometry.frame import find_bodies
from osteo_core.outcomes import ExclusionCode
from osteo_core.records import Measurement, Segmentation, Volume
from osteo_core.simulate.patient import TEST_SEEDS, draw_patient
from osteo_core.simulate.render import render
from osteo_core.simulate.truth import SimulatedPatient
from osteo_core.statistics.intervals import wilson
from osteo_core.terms import Level, SuggestedCause

_FIRST, _LAST = Level.T12, Level.L4
_GRADE = 2


@dataclass(frozen=True, kw_only=True)
class Graded:
    """One level of one patient: the truth, the finding (grade None: not graded), and whether it was used as drawn."""

    seed: int
    level: str
    masks: str
    true_grade: int
    kind: str
    found_grade: int | None
    suggested_cause: str
    depression: float | None
    as_drawn: bool


def is_fractured(patient: SimulatedPatient) -> bool:
    """Whether T12-L4 include a fracture of grade 2 or 3."""
    inside = (level for level in patient.levels if _FIRST <= level.level <= _LAST)
    return any(level.fracture is not None and level.fracture.grade >= _GRADE for level in inside)


def patients(*, series: int, fractured: int, first_seed: int) -> Iterator[tuple[SimulatedPatient, bool]]:
    """Patients, each with whether it is used as drawn."""
    for seed in range(first_seed, first_seed + series):
        yield draw_patient(seed, situations=False), True
    later = (draw_patient(seed, situations=False) for seed in count(first_seed + series))
    yield from ((patient, False) for patient in islice(filter(is_fractured, later), fractured))


def key_of(patient: SimulatedPatient, *, as_drawn: bool, masks: str, step_mm: float) -> str:
    """The name under which the rows of one patient are stored."""
    return f"{patient.seed}_{'drawn' if as_drawn else 'chosen'}_{masks}_{step_mm:g}"


def rows_of(key: str) -> list[Row]:
    """The rows of that patient."""
    seed, how, masks, step_mm = key.split("_")
    patient = draw_patient(int(seed), situations=False)
    return [vars(row) for row in grade(patient, as_drawn=how == "drawn", masks=masks, step_mm=float(step_mm))]


def grade(patient: SimulatedPatient, *, as_drawn: bool, masks: str, step_mm: float) -> list[Graded]:
    """Render, outline, measure, grade; levels cut by the field of view are left out."""
    if step_mm:
        scan = patient.acquisition
        patient = replace(patient, acquisition=replace(scan, thickness_mm=step_mm, step_mm=step_mm))
    volume, labels = render(patient)
    truth = true_segmentation(labels, volume.geometry)
    whole = [one.level for one in truth.levels if not one.cut and _FIRST <= one.level <= _LAST]
    rows = []
    for own_masks in ("true", "model") if masks == "both" else (masks,):
        segmentation = truth if own_masks == "true" else load_segmenter().segment(volume)
        found = _measured(volume, segmentation) if isinstance(segmentation, Segmentation) else {}
        rows += [_row(patient, level, found.get(level), as_drawn=as_drawn, masks=own_masks) for level in whole]
    return rows


def _row(patient: SimulatedPatient, level: Level, found: Measurement | None, *, as_drawn: bool, masks: str) -> Graded:
    fracture = patient.level(level).fracture
    return Graded(
        seed=patient.seed,
        level=level.name,
        masks=masks,
        true_grade=fracture.grade if fracture else 0,
        kind=fracture.kind.value if fracture else "",
        found_grade=found.fracture_grade if found else None,
        suggested_cause=(found.suggested_cause if found else SuggestedCause.NOT_ASSESSED).value,
        depression=found.endplate_depression if found else None,
        as_drawn=as_drawn,
    )


def _measured(volume: Volume, segmentation: Segmentation) -> dict[Level, Measurement]:
    bodies = find_bodies(segmentation)
    step_mm = max((body.step_along_mm for body in bodies), default=1.0)
    graded, _ = grade_fractures(measure_levels(volume, segmentation, bodies), step_mm=step_mm)
    cut = ExclusionCode.LEVEL_CUT
    return {m.level: m for m in graded if m.exclusion is None or m.exclusion.code is not cut}


def summary(rows: list[Graded]) -> dict[str, object]:
    """Rates with Wilson 95 % intervals, the table of true against found grades, and false alarms per patient."""
    known = [row for row in rows if row.found_grade is not None]
    ill = [row for row in known if row.true_grade >= _GRADE]
    drawn = [row for row in known if row.as_drawn]
    well = [row for row in drawn if row.true_grade < _GRADE]
    alarms = [row for row in well if (row.found_grade or 0) >= _GRADE]
    sound_alarms = [row for row in alarms if row.true_grade == 0]
    n = len({row.seed for row in rows if row.as_drawn})
    pairs = Counter((row.true_grade, row.found_grade) for row in rows)
    return {
        "patients_as_drawn": n,
        "levels": len(rows),
        "not_graded": len(rows) - len(known),
        "sensitivity": _rate(sum((row.found_grade or 0) >= _GRADE for row in ill), len(ill)),
        "specificity": _rate(len(well) - len(alarms), len(well)),
        "false_alarms_a_patient": len(alarms) / n if n else None,
        "false_alarms_a_patient_on_sound_levels": len(sound_alarms) / n if n else None,
        "patients_with_a_false_alarm": len({row.seed for row in alarms}),
        "possible_a_patient": sum(r.found_grade == 1 and r.true_grade == 0 for r in drawn) / n if n else None,
        "true_0_to_3_by_found_0_1_2_3_none": [[pairs[t, f] for f in (0, 1, 2, 3, None)] for t in range(4)],
        "endplates_called_depressed_by_true_kind": _depressed(ill),
        "missed": [f"{r.seed} {r.level}" for r in ill if (r.found_grade or 0) < _GRADE],
        "alarms": [f"{r.seed} {r.level} true grade {r.true_grade}" for r in alarms],
    }


def _depressed(ill: list[Graded]) -> dict[str, str]:
    """How many of the found fractures of each kind were suggested as osteoporotic from their endplates."""
    found = [row for row in ill if row.suggested_cause in (SuggestedCause.DEPRESSED, SuggestedCause.NOT_DEPRESSED)]
    by_kind = {kind: [row for row in found if row.kind == kind] for kind in sorted({row.kind for row in found})}
    return {
        kind: f"{sum(row.suggested_cause == SuggestedCause.DEPRESSED for row in rows)} of {len(rows)}"
        for kind, rows in by_kind.items()
    }


def _rate(hits: int, n: int) -> dict[str, float | int] | None:
    if not n:
        return None
    estimate = wilson(hits, n)
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high, "n": n}


def main() -> None:
    """Print the summary."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=100)
    parser.add_argument("--fractured", type=int, default=80)
    parser.add_argument("--masks", choices=("true", "model", "both"), default="true")
    parser.add_argument("--step", type=float, default=0.0, help="slice step in mm; 0 keeps what was drawn")
    parser.add_argument("--first-seed", type=int, default=TEST_SEEDS.start + REPORT_OFFSET)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    chosen = patients(series=arguments.series, fractured=arguments.fractured, first_seed=arguments.first_seed)
    how = {"masks": arguments.masks, "step_mm": arguments.step}
    keys = [key_of(patient, as_drawn=as_drawn, **how) for patient, as_drawn in chosen]
    rows = [Graded(**row) for row in collect("fracture", keys, rows_of, workers=arguments.workers)]
    found = {
        masks: summary([row for row in rows if row.masks == masks]) for masks in dict.fromkeys(r.masks for r in rows)
    }
    if arguments.json:
        print(json.dumps({"rows": [vars(row) for row in rows], "summary": found}, indent=1))
        return
    for masks, figures in found.items():
        print(f"masks: {masks}")
        for name, value in figures.items():
            print(f"{name:40s} {value}")


if __name__ == "__main__":
    main()
