"""Phantomless against phantom vBMD in 17 real patients, by contrast: ``python -m benchmarks.real_pairs``.

vBMD of VerSe'19 subjects as published by Walle 2025 (spineFE-benchmark), through this program's agreement statistics;
no image is read. Needs ../shared/data/tables/verse19_vbmd_strength.csv.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path

from osteo_core.statistics.agreement import bland_altman, lin_ccc, pearson, rmse

TABLE = Path("../shared/data/tables/verse19_vbmd_strength.csv")
_PHANTOMLESS, _PHANTOM = "Phantomless Calibration vBMD [mg/cc]", "Phantom Calibration vBMD [mg/cc]"
#: Contrast groups of the table.
GROUPS = {"native": ("ce-no",), "portal venous": ("ce-pv",), "arterial": ("ce-art",), "enhanced": ("ce-pv", "ce-art")}
_LEAST = 3


def read_pairs(path: Path = TABLE) -> list[tuple[str, float, float]]:
    """(contrast, phantomless, phantom) in mg/cm3 of every subject that has both."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row[_PHANTOMLESS] and row[_PHANTOM]]
    return [(row["Contrast Enhancement"], float(row[_PHANTOMLESS]), float(row[_PHANTOM])) for row in rows]


def agreement_by_contrast(pairs: list[tuple[str, float, float]]) -> list[dict[str, object]]:
    """One row per group: bias (phantomless minus phantom), limits, r, CCC and RMSE; a group under three has only n."""
    rows: list[dict[str, object]] = []
    for group, codes in {**GROUPS, "all": tuple({code for code, _, _ in pairs})}.items():
        own = [(x, y) for code, x, y in pairs if code in codes]
        row: dict[str, object] = {"group": group, "n": len(own)}
        if len(own) >= _LEAST:
            x, y = zip(*own, strict=True)
            found = bland_altman(x, y)
            row |= {
                "bias": found.bias.value,
                "bias_low": found.bias.low,
                "bias_high": found.bias.high,
                "sd": found.sd,
                "loa_low": found.lower_limit.value,
                "loa_high": found.upper_limit.value,
                "r": pearson(x, y).value if len(own) > _LEAST else None,
                "ccc": lin_ccc(x, y).value if len(own) > _LEAST else None,
                "rmse": rmse(x, y),
            }
        rows.append(row)
    return rows


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    rows = agreement_by_contrast(read_pairs())
    if parser.parse_args().json:
        print(json.dumps(rows, indent=1))
        return
    for row in rows:
        line = f"{row['group']:14s} n {row['n']:2d}"
        if "bias" in row:
            line += (
                f"  bias {row['bias']:+.1f} ({row['bias_low']:+.1f} to {row['bias_high']:+.1f})"
                f"  limits {row['loa_low']:+.1f} to {row['loa_high']:+.1f}"
                f"  r {row['r']:.3f}  CCC {row['ccc']:.3f}  RMSE {row['rmse']:.1f}"
            )
        print(line)


if __name__ == "__main__":
    main()
