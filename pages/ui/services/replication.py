"""The study's tables as written to the repository by benchmarks.fang2021; nothing comes from the store."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from osteo_core.records import Estimate

FOLDER = Path(__file__).resolve().parents[3] / "benchmarks" / "fang2021"
#: Columns that stand with their interval.
_ESTIMATED = (
    "dice_floor",
    "r",
    "icc",
    "ccc",
    "rmse",
    "bias",
    "loa_low",
    "loa_high",
    "auc_osteoporosis",
    "auc_low_bmd",
    "kappa_quadratic",
    "coverage",
    "coverage_qct",
)


@dataclass(frozen=True, kw_only=True)
class StudyLine:
    """One test set under one calibration. ``figures`` holds the computed figures; ``targets`` their targets.

    ``confusion``: rows by QCT, columns by the programme; osteoporosis, low bone mass, normal.
    """

    number: int
    vendor: str
    calibration: str
    n: int
    failed: int
    silent: int
    compared: int
    figures: Mapping[str, Estimate]
    targets: Mapping[str, float]
    published_dice_floor: float
    published_r_above: float
    confusion: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, kw_only=True)
class RescanLine:
    """The same patients scanned twice: coefficient of variation (share), least significant change in mg/cm3."""

    number: int
    vendor: str
    kind: str
    calibration: str
    n: int
    failed: int
    rms_cv: float | None
    target_cv: float
    lsc_mg_cm3: float | None


@dataclass(frozen=True, kw_only=True)
class Study:
    """The whole study and what made it: command, commit of the code, hashes of the models."""

    lines: tuple[StudyLine, ...]
    rescans: tuple[RescanLine, ...]
    made_by: Mapping[str, str]

    def of(self, calibration: str) -> tuple[StudyLine, ...]:
        """The lines of one calibration, by set."""
        return tuple(line for line in self.lines if line.calibration == calibration)


def study() -> Study | None:
    """The study, or None if it has not been run yet."""
    rows = _read(FOLDER / "results.csv")
    if not rows:
        return None
    made_by = {name: rows[0][name] for name in ("command", "commit", "outlines_hash", "regression_hash")}
    rescans = tuple(_rescan(row) for row in _read(FOLDER / "rescan.csv"))
    return Study(lines=tuple(_line(row) for row in rows), rescans=rescans, made_by=made_by)


def _read(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _line(row: dict[str, str]) -> StudyLine:
    compared = int(row["n_agreement"])
    figures = {name: _estimate(row, name, compared) for name in _ESTIMATED}
    return StudyLine(
        number=int(row["set"]),
        vendor=row["vendor"],
        calibration=row["calibration"],
        n=int(row["n"]),
        failed=int(row["failed"]),
        silent=int(row["silent"]),
        compared=compared,
        figures={name: found for name, found in figures.items() if found is not None},
        targets={name: float(value) for name, value in row.items() if name.startswith("target_")},
        published_dice_floor=float(row["published_dice_floor"]),
        published_r_above=float(row["published_r_above"]),
        confusion=tuple(tuple(int(count) for count in counts.split()) for counts in row["confusion"].split(";")),
    )


def _estimate(row: dict[str, str], name: str, n: int) -> Estimate | None:
    """The figure with its interval; None if there were too few patients."""
    ends = (row[name], row[f"{name}_low"], row[f"{name}_high"])
    if not all(ends):
        return None
    value, low, high = (float(end) for end in ends)
    return Estimate(value=value, low=low, high=high, n=n, method="benchmarks.fang2021")


def _rescan(row: dict[str, str]) -> RescanLine:
    def given(name: str) -> float | None:
        return float(row[name]) if row.get(name) else None

    return RescanLine(
        number=int(row["set"]),
        vendor=row["vendor"],
        kind=row["kind"],
        calibration=row["calibration"],
        n=int(row["n"]),
        failed=int(row["failed"]),
        rms_cv=given("rms_cv"),
        target_cv=float(row["target_cv"]),
        lsc_mg_cm3=given("lsc_mg_cm3"),
    )
