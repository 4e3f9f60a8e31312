"""``phantom [CSV]``: the calibration line of each phantom scan, its expiry date, and the scanner's drift."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from commands.command import Answer, Context, existing_paths, path_argument
from osteo_core.errors import UsageError

if TYPE_CHECKING:
    from osteo_core.density.calibration.phantom import PhantomLine


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    parser.add_argument(
        "csv", type=path_argument, metavar="CSV", nargs="?", help="phantom scans (without it, setting phantom_table)"
    )


def run(arguments: argparse.Namespace, context: Context) -> Answer:
    """Read, fit and report; a scan without a line is reported with its reason and is not a failure."""
    path = arguments.csv or (path_argument(context.settings.phantom_table) if context.settings.phantom_table else None)
    if path is None:
        raise UsageError("no phantom scans: name a CSV file, or set phantom_table to one")
    existing_paths([path])
    from osteo_core.density.calibration.phantom import read_phantom_lines

    lines = read_phantom_lines(path, context.settings.phantom_definitions)
    return Answer(
        document={"phantom_table": str(path), "lines": [_document(line) for line in lines]},
        sentences=tuple(_sentence(line) for line in lines) or ("The table holds no phantom scan.",),
    )


def _document(line: PhantomLine) -> dict[str, Any]:
    scanner = line.scanner
    fitted = not line.refusal
    return {
        "scan_date": line.scan_date.isoformat(),
        "valid_to": line.valid_to.isoformat(),
        "vendor": scanner.vendor.value,
        "manufacturer_model_name": scanner.manufacturer_model_name,
        "kvp": scanner.kvp,
        "kernel_group": scanner.kernel_group.value if scanner.kernel_group else None,
        "phantom": line.phantom,
        "mineral": line.mineral.value,
        "rods": line.n_rods,
        "slope_mg_cm3_per_hu": line.slope_mg_cm3_per_hu if fitted else None,
        "intercept_mg_cm3": line.intercept_mg_cm3 if fitted else None,
        "residual_sd_mg_cm3": line.residual_sd_mg_cm3 if fitted else None,
        "r2": line.r2 if fitted else None,
        "drift_mg_cm3": line.drift_mg_cm3,
        "refusal": line.refusal,
    }


def _sentence(line: PhantomLine) -> str:
    scanner = line.scanner
    where = f"{line.scan_date.isoformat()} {scanner.vendor.value} {scanner.manufacturer_model_name} {scanner.kvp:g} kVp"
    if line.refusal:
        return f"{where}: no line, {line.refusal}."
    drift = (
        "" if line.drift_mg_cm3 is None else f", drift {line.drift_mg_cm3:+z.1f} mg/cm³ at 100 since the scan before"
    )
    return (
        f"{where}: {line.slope_mg_cm3_per_hu:.4f} x HU {line.intercept_mg_cm3:+z.1f} mg/cm³ {line.mineral.value}, "
        f"R2 {line.r2:.4f}, residual {line.residual_sd_mg_cm3:.1f}, holds to {line.valid_to.isoformat()}{drift}."
    )
