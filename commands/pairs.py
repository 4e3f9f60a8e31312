"""``pairs``: calibration lines from the site's own pairs of CT and QCT, one a scanner model, voltage and kernel."""

from __future__ import annotations

import argparse
import csv
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

from commands import store_access
from commands.command import Answer, Context, path_argument
from osteo_core.assessment.assess import category_of
from osteo_core.density.calibration.site import COLUMNS
from osteo_core.errors import UsageError
from osteo_core.limits.calibration import PAIRS_VALIDITY
from osteo_core.programme.site_line import PairsLine, QctPair, line_of_pairs
from osteo_core.settings import Settings
from osteo_core.terms import Category

_SCANNER = ("vendor", "manufacturer_model_name", "kvp", "kernel_group", "mineral")
#: Kernel groups that a calibration table may name; others are read without one.
_NAMED_KERNELS = ("smooth", "standard", "sharp")
_CLASSES = (Category.OSTEOPOROSIS, Category.LOW_BONE_MASS, Category.NORMAL)


@dataclass(frozen=True, kw_only=True)
class ScannerLine:
    """What came of one scanner's pairs: a line, or the reason why there is none, and whose category it changes."""

    scanner: Mapping[str, Any]
    n: int
    line: PairsLine | None
    reason: str
    changed: tuple[tuple[str, str, int], ...]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    parser.add_argument(
        "--out", type=path_argument, metavar="CSV", help="write the lines as a calibration table (a new file)"
    )


def run(arguments: argparse.Namespace, context: Context) -> Answer:
    """Fit and report; with ``--out`` write what a site can set as ``calibration_table``."""
    if arguments.out and arguments.out.exists():
        raise UsageError(f"{arguments.out} exists; name a new file, so that no line in use is overwritten")
    lines = site_lines(context.settings)
    usable = [one for one in lines if one.line is not None]
    if arguments.out and usable:
        write_lines(arguments.out, usable, today=date.today())
    written = (f"Written to {arguments.out}; set calibration_table to it and analyze again.",)
    return Answer(
        document={"lines": [_document(one) for one in lines], "out": str(arguments.out) if arguments.out else None},
        sentences=(
            *(_sentence(one) for one in lines),
            *(() if lines else ("No native CT has a QCT value of the same patient; import some with 'reference'.",)),
            *(written if arguments.out and usable else ()),
        ),
    )


def site_lines(settings: Settings) -> list[ScannerLine]:
    """The line of each scanner model, tube voltage, kernel group and mineral. Raises UsageError without a store."""
    if not settings.store.exists():
        raise UsageError(f"there is no store at {settings.store}; 'index' or 'demo' makes one")
    with store_access.reading(settings.store) as reader:
        if reader is None:
            raise UsageError(f"the owner of {settings.store} has not published anything yet; try again in a minute")
        rows = reader.query("qct_hu_pairs").to_pylist()
    rows.sort(key=_scanner_text)
    return [_line(list(own), settings) for _, own in groupby(rows, key=_scanner_text)]


def _scanner_text(row: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in _SCANNER)


def _line(rows: list[dict[str, Any]], settings: Settings) -> ScannerLine:
    pairs = [QctPair(patient_key=r["patient_key"], hu=r["hu"], qct_mg_cm3=r["qct_mg_cm3"]) for r in rows]
    found = line_of_pairs(pairs)
    scanner = {name: rows[0][name] for name in _SCANNER}
    if isinstance(found, str):
        return ScannerLine(scanner=scanner, n=len(pairs), line=None, reason=found, changed=())
    return ScannerLine(scanner=scanner, n=len(pairs), line=found, reason="", changed=_changes(rows, found, settings))


def _changes(
    rows: Iterable[Mapping[str, Any]], line: PairsLine, settings: Settings
) -> tuple[tuple[str, str, int], ...]:
    """(category now, category by the line, patients), for those whose category would be another."""
    counted: dict[tuple[str, str], int] = {}
    for row in rows:
        now, then = row["category"], str(category_of(line.vbmd_mg_cm3(row["hu"]), settings))
        if row["mean_vbmd_mg_cm3"] is not None and now in _CLASSES and now != then:
            counted[now, then] = counted.get((now, then), 0) + 1
    return tuple((now, then, n) for (now, then), n in sorted(counted.items()))


def write_lines(path: Path, lines: Iterable[ScannerLine], *, today: date) -> None:
    """A calibration table with these lines, under its name only once it is whole."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(_row(one, today) for one in lines)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _row(one: ScannerLine, today: date) -> dict[str, Any]:
    line, scanner = one.line, one.scanner
    if line is None:
        raise ValueError("a scanner without a line has no row")
    return {
        "name": f"QCT pairs of {today.isoformat()}",
        "vendor": scanner["vendor"],
        "manufacturer_model_name": scanner["manufacturer_model_name"] or "",
        "kvp": f"{scanner['kvp']:g}",
        "kernel_group": scanner["kernel_group"] if scanner["kernel_group"] in _NAMED_KERNELS else "",
        "slope_mg_cm3_per_hu": f"{line.slope_mg_cm3_per_hu.value:.5f}",
        "intercept_mg_cm3": f"{line.intercept_mg_cm3.value:.3f}",
        "residual_sd_mg_cm3": f"{line.left_out_sd_mg_cm3:.3f}",
        "mineral": scanner["mineral"],
        "source": f"{line.n} QCT pairs of this site, {line.lowest_mg_cm3:.0f} to {line.highest_mg_cm3:.0f} mg/cm3",
        "valid_from": today.isoformat(),
        "valid_to": (today + timedelta(days=PAIRS_VALIDITY.value)).isoformat(),
    }


def _document(one: ScannerLine) -> dict[str, Any]:
    line = one.line
    fitted: dict[str, Any] = {}
    if line is not None:
        fitted = {
            "slope_mg_cm3_per_hu": line.slope_mg_cm3_per_hu.value,
            "intercept_mg_cm3": line.intercept_mg_cm3.value,
            "left_out_bias_mg_cm3": line.left_out_bias_mg_cm3,
            "left_out_sd_mg_cm3": line.left_out_sd_mg_cm3,
            "outliers": list(line.outliers),
        }
    changed = [{"now": now, "then": then, "patients": n} for now, then, n in one.changed]
    return {**one.scanner, "patients": one.n, **fitted, "reason": one.reason or None, "changed": changed}


def _sentence(one: ScannerLine) -> str:
    scanner, line = one.scanner, one.line
    model = scanner["manufacturer_model_name"] or "model unknown"
    where = f"{scanner['vendor']} {model} {scanner['kvp']:g} kVp {scanner['kernel_group']}"
    if line is None:
        return f"{where}: no line, {one.reason}."
    slope, intercept = line.slope_mg_cm3_per_hu, line.intercept_mg_cm3
    outliers = f"; far off: {', '.join(line.outliers)}" if line.outliers else ""
    changed = "; ".join(f"{n} from {now} to {then}" for now, then, n in one.changed) or "no category changes"
    return (
        f"{where}: {slope.value:.3f} x HU {intercept.value:+z.1f} mg/cm3 {scanner['mineral']} from {line.n} patients "
        f"({line.lowest_mg_cm3:.0f} to {line.highest_mg_cm3:.0f}); each left out in turn: bias "
        f"{line.left_out_bias_mg_cm3:+z.1f}, SD {line.left_out_sd_mg_cm3:.1f}{outliers}. Categories: {changed}."
    )
