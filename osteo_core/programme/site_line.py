"""A calibration line from a site's own pairs of CT and QCT: HU of one scanner against vBMD of the same patients.

Both values have errors, so the line is a Deming regression with a stated ratio of error variances. It is refused for
too few patients or too narrow a range, and evaluated by leave-one-out cross-validation over patients. Putting a line
into use is an insert-only event, and so is its withdrawal.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any

import numpy as np

from osteo_core.errors import StatisticsError, UsageError
from osteo_core.events import new_event
from osteo_core.limits.calibration import PAIRS_ERROR_RATIO, PAIRS_LEAST, PAIRS_RANGE, PAIRS_VALIDITY
from osteo_core.limits.tables import (
    LINE_INTERCEPT,
    LINE_RESIDUAL_HIGH,
    LINE_RESIDUAL_LOW,
    LINE_SLOPE_HIGH,
    LINE_SLOPE_LOW,
)
from osteo_core.records import Estimate, Event
from osteo_core.statistics.regression import deming, deming_left_out

#: A patient is an outlier beyond this many robust SDs (1.4826 times the median absolute deviation).
_OUTLYING_SD, _MAD_TO_SD = 3.5, 1.4826
LINE_KIND, WITHDRAWN_KIND = "calibration line", "calibration line withdrawn"
#: Decimals used in calibration tables.
_DECIMALS = {"slope_mg_cm3_per_hu": 5, "intercept_mg_cm3": 3, "residual_sd_mg_cm3": 3}
_SCANNER_COLUMNS = ("vendor", "manufacturer_model_name", "kvp", "kernel_group")


@dataclass(frozen=True, kw_only=True)
class QctPair:
    """One patient: mean HU of the trabecular regions, QCT value of the same levels in mg/cm3, and CT date."""

    patient_key: str
    hu: float
    qct_mg_cm3: float
    study_date: date | None = None


@dataclass(frozen=True, kw_only=True)
class PairsLine:
    """vBMD = slope HU + intercept, with leave-one-out bias and SD, and the outliers.

    ``first_day``: date of the oldest CT among the pairs; the line does not apply to earlier scans.
    """

    n: int
    slope_mg_cm3_per_hu: Estimate
    intercept_mg_cm3: Estimate
    left_out_bias_mg_cm3: float
    left_out_sd_mg_cm3: float
    lowest_mg_cm3: float
    highest_mg_cm3: float
    outliers: tuple[str, ...]
    first_day: date | None = None

    def vbmd_mg_cm3(self, hu: float) -> float:
        """vBMD at that HU."""
        return self.slope_mg_cm3_per_hu.value * hu + self.intercept_mg_cm3.value


def line_of_pairs(pairs: Sequence[QctPair]) -> PairsLine | str:
    """The line through these pairs, or the reason why there is none.

    Outliers are named but kept: excluding a patient is the site's decision.
    """
    hu = np.array([pair.hu for pair in pairs], dtype=np.float64)
    qct = np.array([pair.qct_mg_cm3 for pair in pairs], dtype=np.float64)
    if len(pairs) < PAIRS_LEAST.value:
        return f"{len(pairs)} patient{'s' * (len(pairs) != 1)}; at least {PAIRS_LEAST.value:g} are needed"
    if np.ptp(qct) < PAIRS_RANGE.value:
        return f"QCT spans {np.ptp(qct):.0f} mg/cm³ in these patients; at least {PAIRS_RANGE.value:g} are needed"
    try:
        line = deming(hu, qct, error_ratio=PAIRS_ERROR_RATIO.value)
        slopes, intercepts = deming_left_out(hu, qct, error_ratio=PAIRS_ERROR_RATIO.value).T
    except StatisticsError as error:
        return str(error)
    if line.slope.low <= 0:
        return f"the slope of vBMD on HU is not clearly above 0 ({line.slope.value:.2f}, from {line.slope.low:.2f})"
    left = slopes * hu + intercepts - qct
    distance = np.abs(left - np.median(left))
    spread = _MAD_TO_SD * float(np.median(distance))
    found = PairsLine(
        n=len(pairs),
        slope_mg_cm3_per_hu=line.slope,
        intercept_mg_cm3=line.intercept,
        left_out_bias_mg_cm3=float(left.mean()),
        left_out_sd_mg_cm3=float(left.std(ddof=1)),
        lowest_mg_cm3=float(qct.min()),
        highest_mg_cm3=float(qct.max()),
        outliers=tuple(
            pair.patient_key for pair, far in zip(pairs, distance > _OUTLYING_SD * spread, strict=True) if far
        ),
        first_day=min((pair.study_date for pair in pairs if pair.study_date is not None), default=None),
    )
    return _not_readable(found) or found


def _not_readable(line: PairsLine) -> str:
    """Why a calibration table refuses this line (osteo_core/density/calibration/site.py), '' if it is accepted."""
    numbers = (
        ("slope_mg_cm3_per_hu", line.slope_mg_cm3_per_hu.value, LINE_SLOPE_LOW.value, LINE_SLOPE_HIGH.value),
        ("intercept_mg_cm3", line.intercept_mg_cm3.value, -LINE_INTERCEPT.value, LINE_INTERCEPT.value),
        ("residual_sd_mg_cm3", line.left_out_sd_mg_cm3, LINE_RESIDUAL_LOW.value, LINE_RESIDUAL_HIGH.value),
    )
    for name, value, low, high in numbers:
        cell = f"{value:.{_DECIMALS[name]}f}"
        if not low <= float(cell) <= high:
            unit = "mg/cm3 per HU" if name.endswith("per_hu") else "mg/cm3"
            return f"{name}: expected a number from {low:g} to {high:g} {unit}, found '{cell}'"
    return ""


@dataclass(frozen=True, kw_only=True)
class Scanner:
    """What a line applies to: one scanner model, tube voltage and kernel group, and the mineral of its QCT values."""

    vendor: str
    manufacturer_model_name: str | None
    kvp: float
    kernel_group: str
    mineral: str

    @property
    def words(self) -> str:
        """'GE Revolution 120 kVp standard'."""
        return f"{self.vendor} {self.manufacturer_model_name or 'model unknown'} {self.kvp:g} kVp {self.kernel_group}"


@dataclass(frozen=True, kw_only=True)
class ScannerLine:
    """The result for one scanner's pairs: a line, or the reason why there is none."""

    scanner: Scanner
    pairs: tuple[QctPair, ...]
    line: PairsLine | None
    reason: str = ""


def scanner_lines(rows: Iterable[Mapping[str, Any]]) -> list[ScannerLine]:
    """The line of each scanner. ``rows``: pairs, with the fields of `Scanner` and `QctPair`."""
    placed = sorted(((_scanner(row), row) for row in rows), key=lambda pair: str(pair[0]))
    return [_scanner_line(scanner, [row for _, row in own]) for scanner, own in groupby(placed, key=lambda p: p[0])]


def _scanner(row: Mapping[str, Any]) -> Scanner:
    return Scanner(**{name: row[name] for name in Scanner.__dataclass_fields__})


def _scanner_line(scanner: Scanner, rows: Sequence[Mapping[str, Any]]) -> ScannerLine:
    pairs = tuple(QctPair(**{name: row[name] for name in QctPair.__dataclass_fields__}) for row in rows)
    found = _unnamed(scanner) or line_of_pairs(pairs)
    if isinstance(found, str):
        return ScannerLine(scanner=scanner, pairs=pairs, line=None, reason=found)
    return ScannerLine(scanner=scanner, pairs=pairs, line=found)


def _unnamed(scanner: Scanner) -> str:
    """Why no line can be made, '' if one can: in a table, a blank model matches every model."""
    if scanner.manufacturer_model_name:
        return ""
    return (
        "expected a scanner model, found none in the header of these CTs; a line without a model would be used for "
        f"every {scanner.vendor} scanner. Give the model (0008,1090) and index again, or write the line into "
        "calibration_table yourself"
    )


def table_row(scanner: Scanner, line: PairsLine, *, today: date) -> dict[str, str]:
    """The line as a row of a calibration table (`osteo_core.density.calibration.site`).

    It covers scans from the oldest CT of its pairs until a year after ``today``, only for this model and kernel group;
    an unknown group counts as a separate group. Raises UsageError for a scanner without a model.
    """
    if reason := _unnamed(scanner):
        raise UsageError(reason)
    return {
        "name": f"QCT pairs of {today.isoformat()}",
        "vendor": scanner.vendor,
        "manufacturer_model_name": str(scanner.manufacturer_model_name),
        "kvp": f"{scanner.kvp:g}",
        "kernel_group": scanner.kernel_group,
        "slope_mg_cm3_per_hu": f"{line.slope_mg_cm3_per_hu.value:.5f}",
        "intercept_mg_cm3": f"{line.intercept_mg_cm3.value:.3f}",
        "residual_sd_mg_cm3": f"{line.left_out_sd_mg_cm3:.3f}",
        "mineral": scanner.mineral,
        "source": f"{line.n} QCT pairs of this site, {line.lowest_mg_cm3:.0f} to {line.highest_mg_cm3:.0f} mg/cm3",
        "valid_from": line.first_day.isoformat() if line.first_day else "",
        "valid_to": (today + timedelta(days=PAIRS_VALIDITY.value)).isoformat(),
        **_range(line.lowest_mg_cm3, line.highest_mg_cm3),
    }


def _range(lowest_mg_cm3: float, highest_mg_cm3: float) -> dict[str, str]:
    return {"lowest_mg_cm3": f"{lowest_mg_cm3:.1f}", "highest_mg_cm3": f"{highest_mg_cm3:.1f}"}


def line_event(scanner: Scanner, line: PairsLine, *, event_id: str, author: str, reason: str, at: datetime) -> Event:
    """The insert-only event that puts this line into use: its calibration table row and its evaluation."""
    row = table_row(scanner, line, today=at.astimezone().date())  # as `pairs --out`: by this machine's calendar
    judged = {name: value for name, value in asdict(line).items() if name.startswith(("left_out", "lowest", "highest"))}
    payload = {"row": row, "n": line.n, "outliers": len(line.outliers), **judged}
    return new_event(LINE_KIND, event_id=event_id, author=author, at=at, reason=reason, payload=payload)


def withdrawal_event(line_id: str, *, event_id: str, author: str, reason: str, at: datetime) -> Event:
    """The insert-only event that withdraws the line of the event ``line_id``."""
    return new_event(WITHDRAWN_KIND, event_id=event_id, author=author, at=at, reason=reason, payload={"line": line_id})


def rows_in_force(events: Iterable[Event]) -> list[dict[str, str]]:
    """Rows of the calibration table that these events (`line_event`, `withdrawal_event`) leave in force.

    Every event has the range of its pairs, but older ones lack it in their row.
    """
    payloads = [json.loads(event.payload_json) for event in lines_in_force(events)]
    return [{**one["row"], **_range(one["lowest_mg_cm3"], one["highest_mg_cm3"])} for one in payloads]


def any_model_words(rows: Iterable[Mapping[str, str]]) -> str:
    """Advice about lines in force that an older version made without a scanner model; '' if there are none."""
    count = sum(not row["manufacturer_model_name"] for row in rows)
    if not count:
        return ""
    lines, apply, them = (
        ("1 line in use has", "applies", "it") if count == 1 else (f"{count} lines in use have", "apply", "them")
    )
    return (
        f"{lines} no scanner model and {apply} to every model of the vendor; withdraw {them} on the page Agreement and "
        "make a line for each model"
    )


def lines_in_force(events: Iterable[Event], *, without: str = "") -> list[Event]:
    """The line events in force; ``without``: treat this line as withdrawn too.

    For each scanner model, tube voltage and kernel group, the latest line that has not been withdrawn is in force, in
    whichever mineral, since a scan has one calibration: withdrawing it reinstates the one before.
    """
    given = sorted(events, key=lambda event: (event.at, event.event_id))
    withdrawn = {json.loads(event.payload_json)["line"] for event in given if event.kind == WITHDRAWN_KIND}
    latest: dict[tuple[str, ...], Event] = {}
    for event in given:
        if event.kind == LINE_KIND and event.event_id not in {*withdrawn, without}:
            row = json.loads(event.payload_json)["row"]
            latest[tuple(row[name] for name in _SCANNER_COLUMNS)] = event
    return list(latest.values())
