"""Dice and numbering with one thing changed at a time.

``python -m benchmarks.robustness [--workers 2] [--seeds 3] [--only WORDS] [--table FILE] [--json]``

Each setting (benchmarks/robustness_settings.py) is rendered for the same simulated patients; settings that only need a
volume are also applied to the real labelled series of ../shared/data, if that folder exists. Writes one row per
setting and source (models/vertebra_segmentation/tables/robustness.csv) and one per level (robustness_levels.csv beside
it). A setting passes if no level of L1-L4 that is whole in view is wrong or missing without a review flag, and the
mean Dice of the series without a flag is at least 0.85.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

from benchmarks.anatomy import fine, renumbered, seeds, unchanged
from benchmarks.degradations import Case, case_of
from benchmarks.real_series import DATA, WITH_REFERENCE, read_labelled
from benchmarks.resumable import TABLES, as_text, collect, write_table
from benchmarks.robustness_settings import SETTINGS, Setting
from benchmarks.scoring import MISSING, WRONG, Row, counted, mean_of, score, totals
from models.registry import load_segmenter
from osteo_core.simulate.patient import draw_patient
from osteo_core.simulate.render import render

LEAST_DICE = 0.85
SIMULATED, REAL = "simulated", "real"
_BETWEEN = "~"


def slug(name: str) -> str:
    """A setting's name as part of a file's name."""
    return re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-")


_BY_SLUG = {slug(setting.name): setting for setting in SETTINGS}


def simulated_case(setting: Setting, seed: int) -> Case:
    """The patient of a seed with a setting applied."""
    patient = draw_patient(seed, situations=False)
    patient = (setting.patient or unchanged)(fine(patient) if setting.fine else patient)
    case = case_of(*render(patient))
    case = renumbered(case, setting.numbers) if setting.numbers else case
    return setting.volume(case) if setting.volume else case


def real_case(setting: Setting, name: str) -> Case | None:
    """A real series with a setting applied; None if it lacks the levels that the setting needs."""
    case = case_of(*read_labelled(name))
    if any(level not in case.whole for level in setting.needs):
        return None
    return setting.volume(case) if setting.volume else case


def score_key(key: str) -> list[Row]:
    """Rows of one setting on one series; ``key`` is slug~source~seed or name."""
    words, source, series = key.split(_BETWEEN)
    setting = _BY_SLUG[words]
    case = simulated_case(setting, int(series)) if source == SIMULATED else real_case(setting, series)
    if case is None:
        return []
    found = score(load_segmenter(), case.volume, case.truth, whole=case.whole, complete=source == SIMULATED)
    return found.rows(setting=setting.name, source=source, series=series)


def keys_of(settings: tuple[Setting, ...], *, n_seeds: int, real: bool) -> list[str]:
    """Every setting on every series to which it can be applied."""
    keys = []
    for setting in settings:
        keys += [_BETWEEN.join((slug(setting.name), SIMULATED, str(seed))) for seed in seeds(n_seeds)]
        if real and setting.patient is None:
            keys += [_BETWEEN.join((slug(setting.name), REAL, name)) for name in WITH_REFERENCE]
    return keys


def table(rows: list[Row]) -> list[Row]:
    """One row per setting and source."""
    lines = []
    for setting, source in dict.fromkeys((row["setting"], row["source"]) for row in rows):
        own = [row for row in rows if (row["setting"], row["source"]) == (setting, source)]
        levels = counted(own)
        silent = [row for row in levels if not row["flagged"]]
        mean = mean_of([row["dice"] for row in silent])
        failed = sum(row["outcome"] in (WRONG, MISSING) for row in silent)
        sums = totals(levels)
        lines.append(
            {
                "setting": setting,
                "source": source,
                "n": len({row["series"] for row in own}),
                **{name: sums[name] for name in ("levels", "mean_dice", "lowest_dice", "right", "wrong", "missing")},
                "flagged": len({row["series"] for row in own if row["flagged"]}),
                "unflagged_failures": failed,
                "unflagged_below": sum(row["dice"] < LEAST_DICE for row in silent),
                "cut_measured": sum(bool(row["level"]) and not row["whole"] and row["measured"] for row in own),
                "passed": failed == 0 and (mean is None or mean >= LEAST_DICE),
            }
        )
    return lines


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=3, help="simulated patients a setting")
    parser.add_argument("--only", default="", help="settings whose name holds these words")
    parser.add_argument("--table", type=Path, default=TABLES / "robustness.csv")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    settings = tuple(setting for setting in SETTINGS if arguments.only in setting.name)
    if not settings:
        parser.error(f"no setting's name holds {arguments.only!r}; there are: {', '.join(s.name for s in SETTINGS)}")
    keys = keys_of(settings, n_seeds=arguments.seeds, real=DATA.exists())
    rows = collect("robustness", keys, score_key, workers=arguments.workers)
    lines = table(rows)
    write_table(arguments.table, lines)
    write_table(arguments.table.with_name(f"{arguments.table.stem}_levels.csv"), rows)
    print(json.dumps(lines, indent=1) if arguments.json else as_text(lines))
    failed = [f"{line['setting']} ({line['source']})" for line in lines if not line["passed"]]
    if failed and not arguments.json:
        print(f"not passed: {'; '.join(failed)}")


if __name__ == "__main__":
    main()
