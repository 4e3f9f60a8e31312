"""How often is a correct or a wrong header doubted? ``python -m benchmarks.header_lies [--patients 60]``.

Four parts; ``--patients 0`` skips all but the third, ``--on-scanners 0`` skips the third. First, simulated patients on
scanners unseen in training, rendered and measured with their true masks: the header unchanged, then each false value.
Second, patients without an image, from physics and the scanner's flaws only (native, four tube voltages): the HU scale
of many more. Third, the same by scanner, each patient against others of the same scanner: a wrong tube voltage, with
the simulated scatter between patients and with heavy tails. Fourth, the real series of ../shared/data, unchanged.

A small error of HU shifts the tissues' means; a large one is measured again, with every check of HU. An error of
spacing scales heights and volumes. The simulator shares assumptions with what it tests: its compact bone is far darker
than that of real series, so a wrong tube voltage is never detected from it, and its fat is closer to the physics.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.density_bands import KVPS, physical_facts
from benchmarks.density_facts import segmentation_of, series_of
from benchmarks.real_series import WITH_REFERENCE, read_labelled
from benchmarks.resumable import collect
from osteo_core.assessment.against_header import header_doubts, scale_of, shape_of, size_of
from osteo_core.assessment.against_scanner import Peers, scanner_doubt
from osteo_core.density.roi import measure_levels
from osteo_core.density.tissues import find_calibration_tissues, tissue_cautions
from osteo_core.imaging.hounsfield import check_hu
from osteo_core.morphometry.fracture import grade_fractures
from osteo_core.morphometry.frame import find_bodies
from osteo_core.outcomes import Exclusion
from osteo_core.records import CalibrationTissues, Measurement, Segmentation, Series, TissueSample, Volume
from osteo_core.simulate.patient import TEST_SEEDS, draw_patient
from osteo_core.simulate.render import render
from osteo_core.simulate.truth import Contrast
from osteo_core.statistics.intervals import wilson
from osteo_core.terms import MEASURED_LEVELS, ContrastPhase

Values = NDArray[np.float64]
FIRST_SEED = TEST_SEEDS.start + 90_000
_WITHOUT_IMAGE = 200
#: Range of HU in which each tissue is searched for.
_SOUGHT_HU = {"air": (-1024.0, -850.0), "fat": (-150.0, -30.0), "muscle": (0.0, 110.0)}


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One scan by header and image. ``size``: height in mm and cross section in cm2, None without a body."""

    series: Series
    tissues: CalibrationTissues
    size: tuple[float, float] | None

    def is_doubted(self) -> bool:
        """Whether any statement of the header is doubted."""
        return bool(header_doubts(self.series, self._bodies(), self.tissues))

    def _bodies(self) -> list[Measurement]:
        if self.size is None:
            return []
        height, area = self.size
        return [
            Measurement(level=level, voxels=1, volume_ml=area * height / 10.0, posterior_height_mm=height)
            for level in MEASURED_LEVELS
        ]


Lie = Callable[[Seen], Seen]


def of_scale(slope: float, intercept: float) -> Lie:
    """HU as another slope and intercept would give them."""

    def lie(seen: Seen) -> Seen:
        moved = [replace(one, mean_hu=slope * one.mean_hu + intercept) for one in seen.tissues.samples]
        kept = tuple(one for one in moved if _is_found(one))
        return replace(seen, tissues=replace(seen.tissues, samples=kept))

    return lie


def _is_found(sample: TissueSample) -> bool:
    low, high = _SOUGHT_HU.get(sample.name, (-1024.0, 3000.0))
    return low <= sample.mean_hu <= high


def of_spacing(*, pixel: float = 1.0, slices: float = 1.0, with_diameter: bool = False) -> Lie:
    """A header with a multiple of the true spacing; ``with_diameter``: it states the true diameter too."""

    def lie(seen: Seen) -> Seen:
        size = seen.size and (seen.size[0] * slices, seen.size[1] * pixel**2)
        series = seen.series
        if with_diameter:
            series = replace(
                series, rows=512, columns=512, pixel_spacing_mm=(0.8 * pixel,) * 2, reconstruction_diameter_mm=409.6
            )
        return replace(seen, series=series, size=size)

    return lie


def of_voltage(kvp: float) -> Lie:
    """A header that states this tube voltage, whatever was used."""
    return lambda seen: replace(seen, series=replace(seen.series, kvp=kvp))


#: Slope and intercept in HU of errors so large that tissues leave the range in which they are searched for.
LARGE: Mapping[str, tuple[float, float]] = {
    "intercept -100 HU": (1.0, -100.0),
    "intercept +100 HU": (1.0, 100.0),
    "slope x 0.9": (0.9, -100.0),
    "slope x 1.1": (1.1, 100.0),
}
LIES: Mapping[str, Lie] = {
    **{f"intercept {by:+d} HU": of_scale(1.0, by) for by in (-50, -24, 24, 50)},
    **{f"slope x {by:g}": of_scale(by, 1000.0 * (by - 1.0)) for by in (0.96, 1.04)},
    **{f"pixel spacing x {by:g}": of_spacing(pixel=by) for by in (0.5, 0.7, 0.8, 1.25, 1.5, 2.0)},
    "pixel spacing x 1.1, diameter stated": of_spacing(pixel=1.1, with_diameter=True),
    **{f"slice positions x {by:g}": of_spacing(slices=by) for by in (0.5, 0.7, 0.8, 1.25, 1.5, 2.0)},
    **{f"{kvp} kVp stated": of_voltage(kvp) for kvp in KVPS},
}


def measure(volume: Volume, segmentation: Segmentation) -> tuple[CalibrationTissues, tuple[float, float] | None]:
    """Tissues and size of a scan with these outlines."""
    bodies = find_bodies(segmentation)
    step_mm = max((body.step_along_mm for body in bodies), default=1.0)
    levels, _ = grade_fractures(measure_levels(volume, segmentation, bodies), step_mm=step_mm)
    return find_calibration_tissues(volume, segmentation, bodies), size_of(levels)


def row_of(key: str) -> list[dict[str, Any]]:
    """The stored row of one rendered patient; ``key`` is its seed."""
    patient = draw_patient(int(key), situations=False)
    volume, labels = render(patient)
    tissues, size = measure(volume, segmentation_of(labels, volume.geometry))
    samples = [[one.name, one.mean_hu, one.sd_hu, one.area_mm2] for one in tissues.samples]
    return [
        {
            "samples": samples,
            "phase": tissues.contrast_phase.value,
            "water_path_cm": tissues.water_path_cm,
            "size": size,
        }
    ]


def large_row_of(key: str) -> list[dict[str, bool]]:
    """Whether each of LARGE leaves a rendered patient without an answer or for review, with every check of HU."""
    patient = draw_patient(int(key), situations=False)
    volume, labels = render(patient)
    segmentation = segmentation_of(labels, volume.geometry)
    found = {}
    for name, (slope, intercept) in LARGE.items():
        voxels = np.round(slope * volume.voxels_hu.astype(np.float32) + intercept).astype(np.int16)
        histogram = check_hu(voxels)
        tissues, size = measure(replace(volume, voxels_hu=voxels), segmentation)
        seen = Seen(series=series_of(patient), tissues=tissues, size=size)
        is_doubted = isinstance(histogram, Exclusion) or bool(histogram) or bool(tissue_cautions(tissues))
        found[name] = is_doubted or seen.is_doubted()
    return [found]


def seen_of(key: str, row: Mapping[str, Any]) -> Seen:
    """The scan of a stored row."""
    samples = tuple(TissueSample(name=n, mean_hu=hu, sd_hu=sd, area_mm2=area) for n, hu, sd, area in row["samples"])
    tissues = CalibrationTissues(
        samples=samples, contrast_phase=ContrastPhase(row["phase"]), water_path_cm=row["water_path_cm"]
    )
    return Seen(
        series=series_of(draw_patient(int(key), situations=False)),
        tissues=tissues,
        size=tuple(row["size"]) if row["size"] else None,
    )


def without_image() -> Iterator[Seen]:
    """Native scans at every tube voltage, from physics only; no body is measured."""
    for seed in range(FIRST_SEED, FIRST_SEED + _WITHOUT_IMAGE):
        drawn = replace(draw_patient(seed, situations=False), contrast=Contrast(phase=ContrastPhase.NATIVE))
        for kvp in KVPS:
            facts = physical_facts(replace(drawn, acquisition=replace(drawn.acquisition, kvp=kvp)))
            yield Seen(series=facts.series, tissues=facts.tissues, size=None)


def of_scanners(seeds: Iterable[int]) -> list[Values]:
    """Muscle minus fat in HU of each simulated scanner's patients, (patients, 4): at each of KVPS, by physics only."""
    found: dict[tuple[str, str, int], list[list[float]]] = {}
    for seed in seeds:
        drawn = replace(draw_patient(seed, situations=False), contrast=Contrast(phase=ContrastPhase.NATIVE))
        scan = drawn.acquisition
        row = []
        for kvp in KVPS:
            tissues = physical_facts(replace(drawn, acquisition=replace(scan, kvp=kvp))).tissues
            hu = {sample.name: sample.mean_hu for sample in tissues.samples}
            row.append(hu["muscle"] - hu["fat"])
        found.setdefault((scan.maker.manufacturer, scan.model, scan.unit), []).append(row)
    return [np.array(rows) for rows in found.values()]


def unlike_scanner(
    scanners: Sequence[Values], *, others: int, tail_hu: float, draws: int
) -> dict[int, tuple[int, int]]:
    """(doubted, total) by true kVp, with 120 kVp stated; doubts at 120 itself are false alarms.

    Patients of a scanner are drawn with replacement, with a further scatter of Student's t (3 degrees of freedom).
    """
    rng = np.random.default_rng(others)
    doubted = dict.fromkeys(KVPS, 0)
    for _ in range(draws):
        scanner = scanners[rng.integers(len(scanners))]
        rows = scanner[rng.integers(len(scanner), size=others + 1)]
        scatter = tail_hu * rng.standard_t(3, size=others + 1)
        usual = rows[1:, KVPS.index(120)] + scatter[1:]
        peers = Peers(n=others, mean_hu=float(usual.mean()), sd_hu=float(usual.std(ddof=1)))
        for k, kvp in enumerate(KVPS):
            doubted[kvp] += scanner_doubt(float(rows[0, k] + scatter[0]), peers) is not None
    return {kvp: (n, draws) for kvp, n in doubted.items()}


def real_series() -> Iterator[tuple[str, Seen]]:
    """The real series with a reference segmentation; their files state no tube voltage."""
    for name in WITH_REFERENCE:
        volume, labels = read_labelled(name)
        tissues, size = measure(volume, segmentation_of(labels, volume.geometry))
        series = Series(series_key=name, study_key=name, patient_key=name, series_instance_uid=name, files=())
        yield name, Seen(series=series, tissues=tissues, size=size)


def share(doubted: int, n: int) -> str:
    """'3 of 60 (5.0 %, 1.7 to 13.7)', or a note that there was no scan."""
    if not n:
        return "no scan to ask"
    found = wilson(doubted, n)
    return f"{doubted} of {n} ({100 * found.value:.1f} %, {100 * found.low:.1f} to {100 * found.high:.1f})"


def main(given: Sequence[str] | None = None) -> None:
    """Print the table of each part that has patients; 0 patients skip a part."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.header_lies", description=__doc__)
    parser.add_argument("--patients", type=_count, default=60, help="rendered, for true headers and every lie")
    parser.add_argument("--large", type=_count, default=8, help="so many of them for the large lies about HU")
    parser.add_argument("--on-scanners", type=_count, default=4000, help="patients without an image, by scanner")
    parser.add_argument("--workers", type=int, default=1)
    arguments = parser.parse_args(given)
    if arguments.patients:
        _print_rendered(arguments.patients, large=arguments.large, workers=arguments.workers)
    if arguments.on_scanners:
        _print_scanners(arguments.on_scanners)
    if arguments.patients:
        _print_real()


def _count(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"a number of patients from 0, found {text!r}")
    return int(text)


def _print_rendered(patients: int, *, large: int, workers: int) -> None:
    keys = [str(seed) for seed in range(FIRST_SEED, FIRST_SEED + patients)]
    rows = collect("header_lies", keys, row_of, workers=workers)
    scans = [seen_of(key, row) for key, row in zip(keys, rows, strict=True)]
    print(f"true headers, rendered: doubted {share(sum(one.is_doubted() for one in scans), len(scans))}")
    many = list(without_image())
    print(f"true headers, HU scale without an image: doubted {share(sum(one.is_doubted() for one in many), len(many))}")
    lies_found = collect("header_lies_large", keys[:large], large_row_of, workers=workers) if large else []
    for name in LARGE:
        print(f"{name}: found {share(sum(row[name] for row in lies_found), len(lies_found))}")
    for name, lie in LIES.items():
        lied = [
            lie(one) for one in scans if not (name.endswith("kVp stated") and f"{one.series.kvp:g}" in name.split())
        ]
        print(f"{name}: doubted {share(sum(one.is_doubted() for one in lied), len(lied))}")


def _print_scanners(patients: int) -> None:
    scanners = of_scanners(range(FIRST_SEED, FIRST_SEED + patients))
    for others in (20, 50, 200):
        for tail_hu in (0.0, 2.5):
            found = unlike_scanner(scanners, others=others, tail_hu=tail_hu, draws=4000)
            words = ", ".join(f"{kvp} kVp {share(*counts)}" for kvp, counts in found.items())
            print(f"120 kVp stated, {others} others of the scanner, further scatter {tail_hu:g} HU: doubted {words}")


def _print_real() -> None:
    for name, one in real_series():
        offset, gain = scale_of(one.series.kvp, one.tissues)
        shape = shape_of(one.size) if one.size else None
        seen = {"doubted": one.is_doubted(), "offset_hu": offset, "gain": gain, "size": one.size, "shape": shape}
        print(f"{name}: {json.dumps(seen)}")


if __name__ == "__main__":
    main()
