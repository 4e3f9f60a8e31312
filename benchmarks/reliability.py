"""Does a stated confidence match the share of correctly numbered levels, and what does the review flag catch?

``python -m benchmarks.reliability [--tables FOLDER] [--json]``

Reads the rows that other benchmarks wrote to models/vertebra_segmentation/tables/ (simulated.csv,
robustness_levels.csv, real.csv, views.csv; those that exist), and writes reliability.csv (bins of confidence against
the observed share, with Wilson's interval), review_flag.csv (what the flag catches) and reliability.svg beside them.

Only outlined bodies have a confidence; a body is right if it carries its own number. The expected calibration error
is the mean over bins, weighted by size, of the distance of the observed share from the mean confidence (Naeini 2015).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.resumable import TABLES, as_text, read_table, write_table
from benchmarks.scoring import MISSING, RIGHT, Row
from osteo_core.limits.vertebra import LEVEL_CONFIDENCE
from osteo_core.statistics.intervals import wilson

SOURCES = {
    "simulated": "simulated.csv",
    "robustness": "robustness_levels.csv",
    "real": "real.csv",
    "views": "views.csv",
}
ALL = "all"
N_BINS = 10
_INK, _ACCENT = "#333333", "#1f6f8b"


@dataclass(frozen=True, kw_only=True)
class Body:
    """One body: its confidence and flag, and whether its number is right. ``confidence`` is None without an outline."""

    confidence: float | None
    right: bool
    flagged: bool


def bodies_of(rows: Sequence[dict[str, str]]) -> list[Body]:
    """The bodies of a table of levels; a missing one counts only if it was whole in view."""
    return [
        Body(
            confidence=float(row["confidence"]) if row["confidence"] else None,
            right=row["outcome"] == RIGHT,
            flagged=row["flagged"] == "True",
        )
        for row in rows
        if row["outcome"] and (row["outcome"] != MISSING or row.get("whole") == "True")
    ]


def bins(bodies: Sequence[Body]) -> list[Row]:
    """Ten bins of confidence: count, mean confidence, and the share of right numbers with its interval."""
    outlined = [(body.confidence, body.right) for body in bodies if body.confidence is not None]
    place = [min(int(confidence * N_BINS), N_BINS - 1) for confidence, _ in outlined]
    lines = []
    for n in range(N_BINS):
        own = [outlined[i] for i, bin_ in enumerate(place) if bin_ == n]
        line: Row = {"low": n / N_BINS, "high": (n + 1) / N_BINS, "n": len(own)}
        if own:
            share = wilson(sum(right for _, right in own), len(own))
            line |= {"mean_confidence": float(np.mean([confidence for confidence, _ in own])), "observed": share.value}
            line |= {"wilson_low": share.low, "wilson_high": share.high}
        lines.append(line)
    return lines


def calibration_error(lines: Sequence[Row]) -> float | None:
    """Expected calibration error of the filled bins; None if all are empty."""
    total = sum(line["n"] for line in lines)
    gaps = [line["n"] * abs(line["observed"] - line["mean_confidence"]) for line in lines if line["n"]]
    return sum(gaps) / total if total else None


def flag_line(bodies: Sequence[Body]) -> Row:
    """What a confidence below the limit, and the flag of the whole series, catch and cost."""
    limit = LEVEL_CONFIDENCE.value
    outlined = [body for body in bodies if body.confidence is not None]
    wrong = [body for body in outlined if not body.right]
    right = [body for body in outlined if body.right]
    missing = [body for body in bodies if body.confidence is None]
    return {
        "limit": limit,
        "outlined": len(outlined),
        "wrong": len(wrong),
        "wrong_below_limit": _share(sum(_below(body, limit) for body in wrong), len(wrong)),
        "wrong_flagged": _share(sum(body.flagged for body in wrong), len(wrong)),
        "missing": len(missing),
        "missing_flagged": _share(sum(body.flagged for body in missing), len(missing)),
        "right_below_limit": _share(sum(_below(body, limit) for body in right), len(right)),
        "right_flagged": _share(sum(body.flagged for body in right), len(right)),
        "calibration_error": calibration_error(bins(bodies)),
    }


def _below(body: Body, limit: float) -> bool:
    return body.confidence is not None and body.confidence < limit


def _share(count: int, n: int) -> float | None:
    return count / n if n else None


def draw(lines: Sequence[Row], path: Path) -> None:
    """The reliability plot of one source as SVG: observed share over mean confidence, with the number of bodies."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "reliability"  # identical file from the same rows, to the last byte
    from matplotlib import pyplot as plt

    filled = [line for line in lines if line["n"]]
    x = np.array([line["mean_confidence"] for line in filled])
    y = np.array([line["observed"] for line in filled])
    reach = np.array(
        [[line["observed"] - line["wilson_low"], line["wilson_high"] - line["observed"]] for line in filled]
    )
    figure, axes = plt.subplots(figsize=(4.2, 4.2))
    axes.plot([0, 1], [0, 1], color=_INK, linewidth=0.8, linestyle=":")
    axes.axvline(LEVEL_CONFIDENCE.value, color=_INK, linewidth=0.8, linestyle="--")
    if filled:
        axes.errorbar(x, y, yerr=reach.T, fmt="o-", color=_ACCENT, markersize=4, linewidth=1.2, capsize=2)
    for line in filled:
        place = (line["mean_confidence"], line["observed"])
        axes.annotate(str(line["n"]), place, xytext=(5, -11), textcoords="offset points", fontsize=7, color=_INK)
    axes.set(xlim=(0, 1.02), ylim=(0, 1.04), xlabel="stated confidence", ylabel="share rightly numbered")
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def main() -> None:
    """Write both tables and the plot, print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=Path, default=TABLES)
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    arguments = parser.parse_args()
    there = {name: arguments.tables / file for name, file in SOURCES.items() if (arguments.tables / file).exists()}
    if not there:
        parser.error(f"{arguments.tables} holds none of {', '.join(SOURCES.values())}; run those benchmarks first")
    bodies = {name: bodies_of(read_table(path)) for name, path in there.items()}
    bodies[ALL] = [body for own in bodies.values() for body in own]
    lines = [{"source": name, **line} for name, own in bodies.items() for line in bins(own)]
    flags = [{"source": name, **flag_line(own)} for name, own in bodies.items()]
    write_table(arguments.tables / "reliability.csv", lines)
    write_table(arguments.tables / "review_flag.csv", flags)
    draw([line for line in lines if line["source"] == ALL], arguments.tables / "reliability.svg")
    if arguments.json:
        print(json.dumps({"bins": lines, "flag": flags}, indent=1))
        return
    print(as_text([line for line in lines if line["n"]]))
    print(as_text(flags))


if __name__ == "__main__":
    main()
