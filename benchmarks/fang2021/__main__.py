"""Fang 2021 repeated: three vendors, simulated, with the released pipeline. ``python -m benchmarks.fang2021``.

Simulates test set 1 (463 patients), 2 (200) and 3 (200), writes each patient as DICOM, runs find, read, outline,
measure, calibrate and assess, compares with a simulated phantom QCT and writes results.csv (one row per set and
calibration) and rescan.csv here. After a stop it resumes; --limit takes fewer patients per set and writes nothing
unless --tables names a folder.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from benchmarks.fang2021.agreement import levels_left_out, line_of, reasons
from benchmarks.fang2021.cohort import FIRST, SETS, StudySet, draw_rescans, draw_sets
from benchmarks.fang2021.rescan import KINDS, key_of, rescan_lines
from benchmarks.fang2021.scan import CALIBRATIONS, scan_rows
from benchmarks.resumable import ROOT, as_text, collect, write_table
from benchmarks.scoring import Row
from models.registry import MODELS, REGRESSION, model_hash

HERE = Path(__file__).parent
_AGREEMENT = (
    "set", "vendor", "calibration", "n", "failed", "silent", "n_agreement", "r", "icc", "ccc", "rmse", "bias",
    "bias_low", "bias_high", "loa_low", "loa_high", "coverage", "coverage_qct", "half_width",
)  # fmt: skip
_CLASSES = (
    "set", "calibration", "n_categories", "auc_osteoporosis", "auc_osteoporosis_low", "auc_osteoporosis_high",
    "auc_low_bmd", "auc_low_bmd_low", "auc_low_bmd_high", "kappa_quadratic", "kappa_quadratic_low", "confusion",
)  # fmt: skip
_OUTLINES = (
    "set", "vendor", "dice_l1", "dice_l2", "dice_l3", "dice_l4", "dice_floor", "dice_floor_low", "dice_floor_high",
    "published_dice_floor", "published_r_above",
)  # fmt: skip


def main() -> None:
    """Run the study and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--limit", type=int, help="patients a set, for a trial")
    parser.add_argument("--rescans", type=int, default=20, help="patients a set who are scanned again")
    parser.add_argument("--tables", type=Path, help="folder for both CSV; without it here, or nowhere with --limit")
    arguments = parser.parse_args()
    about = provenance()
    sets = draw_sets(arguments.limit)
    again = {number: draw_rescans(seeds, arguments.rescans) for number, seeds in sets.items()}
    keys = [str(seed) for seeds in sets.values() for seed in seeds]
    keys += [key_of(seed, kind) for seeds in again.values() for seed in seeds for kind in KINDS]
    rows = _by_key(keys, collect("fang2021", keys, scan_rows, workers=arguments.workers))
    lines = [
        line_of(one, calibration, [row for seed in sets[one.number] for row in rows[key_of(seed, FIRST)]])
        for one in SETS
        for calibration in CALIBRATIONS
    ]
    repeated = [line for one in SETS for line in rescan_lines(one, again[one.number], rows)]
    _show(lines, repeated)
    for one in SETS:
        for place in range(len(CALIBRATIONS)):
            _show_reasons(one, [rows[key_of(seed, FIRST)][place] for seed in sets[one.number]])
    folder = arguments.tables or (None if arguments.limit else HERE)
    if folder:
        write_table(folder / "results.csv", [line | about for line in lines])
        write_table(folder / "rescan.csv", [line | about for line in repeated])


def provenance() -> Row:
    """Command, commit of the code and hashes of the models behind a table; uncommitted changes are marked."""
    commit, changed = (_git("rev-parse", "--short=12", "HEAD"), _git("status", "--porcelain", "--", "*.py", "*.toml"))
    return {
        "command": " ".join(["python -m benchmarks.fang2021", *sys.argv[1:]]),
        "commit": commit + (" with changes" if changed else ""),
        "outlines_hash": model_hash("vertebra_segmentation"),
        "regression_hash": model_hash(REGRESSION) if MODELS[REGRESSION].released else "not released",
    }


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def _by_key(keys: list[str], rows: list[Row]) -> dict[str, list[Row]]:
    """The rows of each key, one per calibration, in the order of the keys."""
    width = len(CALIBRATIONS)
    return {key: rows[width * n : width * (n + 1)] for n, key in enumerate(keys)}


def _show(lines: list[Row], repeated: list[Row]) -> None:
    tables = (
        ("Outlines (published: Fang 2021)", _OUTLINES, lines[:: len(CALIBRATIONS)]),
        ("Agreement with simulated QCT; coverage of the truth, and of QCT", _AGREEMENT, lines),
        ("Categories; rows of confusion: osteoporosis, low, normal by QCT", _CLASSES, lines),
    )
    for title, columns, shown in tables:
        print(f"\n{title}\n{as_text([{name: line[name] for name in columns} for line in shown])}")
    print(f"\nScanned twice\n{as_text(repeated)}")


def _show_reasons(test_set: StudySet, rows: list[Row]) -> None:
    print(f"\nSet {test_set.number}, {rows[0]['calibration']}, without a value (reason, study):")
    for (reason, situation), count in reasons(rows).most_common():
        print(f"  {count:4d}  {reason}, {situation}")
    print(f"  levels left out: {dict(levels_left_out(rows))}")
    spent = [row["cpu_s_simulated"] + row["cpu_s_analyzed"] for row in rows]
    print(f"  CPU seconds a patient: {sum(spent) / len(spent):.1f}")


if __name__ == "__main__":
    main()
