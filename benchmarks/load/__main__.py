"""``python -m benchmarks.load [--people 20] [--minutes 10] [--series 1000000] [--store DIR] [--json]``: the load suite.

The app runs over a simulated store of this many series (created first, in a few minutes, unless ``--store`` names one;
the people's notes stay in it). People arrive one after another and open every page; then all work at once with seconds
of thinking in between, while an analysis runs, a reader's signed reads are sent to Orthanc (to our own storage SCP if
Orthanc is not installed), and one more person works in a real Chromium if there is one. Printed: p50 and p95 of each
page; memory, handles, threads and temporary files by person and by minute; what was signed and sent; and every fault,
lost note, object missing in the PACS or logged error, each of which gives exit code 1.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.load.people import Seen
from benchmarks.load.suite import Found, Plan, run
from benchmarks.million_store import make_store


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the suite and print its findings."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("--people", type=int, default=20, metavar="N")
    parser.add_argument("--minutes", type=float, default=10.0, metavar="MIN")
    parser.add_argument("--series", type=int, default=1_000_000, metavar="N")
    parser.add_argument("--store", type=Path, default=None, metavar="DIR")
    parser.add_argument("--think", type=float, nargs=2, default=(3.0, 12.0), metavar=("FROM", "TO"), help="seconds")
    parser.add_argument("--seed", type=int, default=1, metavar="N")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    plan = Plan(
        people=given.people,
        seconds=60 * given.minutes,
        think_s=tuple(given.think),
        seed=given.seed,
        with_browser=True,
        with_orthanc=True,
    )
    with nullcontext(given.store) if given.store else tempfile.TemporaryDirectory(prefix="load-store") as folder:
        store = Path(folder)
        if not any(store.glob("*")):
            make_store(store, series=given.series)
        found = run(store, plan)
    print(json.dumps(document(found), indent=1) if given.json else report(found))
    return int(bool(found.faults or found.lost or found.logged))


def document(found: Found) -> dict[str, Any]:
    """Everything except the individual answers."""
    left_out = {"alone", "together", "noted"}
    rest = {name: value for name, value in asdict(found).items() if name not in left_out}
    return {
        "pages": {"alone": times(found.alone), "together": times(found.together)},
        "noted": len(found.noted),
        "faults": found.faults,
        **rest,
    }


def times(seen: Sequence[Seen]) -> dict[str, dict[str, float]]:
    """For each page or action: count, p50 and p95 in s, medians of the app's CPU time and of kB received."""
    found = {}
    for name in sorted({one.name for one in seen}):
        own = [one for one in seen if one.name == name]
        seconds = [one.answer.seconds for one in own]
        found[name] = {
            "n": len(own),
            "p50_s": statistics.median(seconds),
            "p95_s": float(np.percentile(seconds, 95)),
            "cpu_s": statistics.median(one.cpu_s for one in own),
            "kb": statistics.median(one.answer.received for one in own) / 1000,
        }
    return found


def report(found: Found) -> str:
    """The printed tables."""
    alone, together = times(found.alone), times(found.together)
    lines = [
        "| page or act | n | p50 s | p95 s | kB | one at a time: p50 s | processor s |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in sorted(together, key=lambda one: -together[one]["p95_s"]):
        one, before = together[name], alone.get(name)
        own = f"{before['p50_s']:.2f} | {before['cpu_s']:.2f}" if before else "- | -"
        lines.append(f"| {name} | {one['n']} | {one['p50_s']:.2f} | {one['p95_s']:.2f} | {one['kb']:.0f} | {own} |")
    lines += [
        "",
        "| app, after | MiB | handles | threads | processor s | temporary files, MiB | | analysis, signing MiB | |",
    ]
    lines.append("|---|---|---|---|---|---|---|---|---|")
    came = ((f"person {one.people}", one) for one in found.gauges)
    minutes = ((f"minute {number} of the work", one) for number, one in enumerate(found.by_minute, start=1))
    for words, gauge in (*came, *minutes, ("the work", found.after_work), ("all left", found.after_leaving)):
        if gauge is not None:
            numbers = list(asdict(gauge).values())[1:]
            lines.append(f"| {words} | {' | '.join(f'{number:.0f}' for number in numbers)} |")
    indexed, measured = (sum(one.get(step, 0) for one in found.analysis) for step in ("indexed", "measured"))
    lines += [
        "",
        f"{len(found.noted)} notes confirmed, {len(found.refused)} refused; beside them {indexed:.0f} series indexed, "
        f"{measured:.0f} measured; {_sent(found)}; the app ended in {found.end_s:.1f} s; "
        f"load average {', '.join(f'{one:.1f}' for one in found.load)}.",
    ]
    wrong = [*(f"shown: {one}" for one in found.faults), *(f"lost: {one}" for one in found.lost)]
    return "\n".join([*lines, *wrong, *(f"logged: {one}" for one in found.logged)])


def _sent(found: Found) -> str:
    signed, sent, failed = (sum(one.get(step, 0) for one in found.signing) for step in ("signed", "sent", "failed"))
    took = [one["send_s"] for one in found.signing if "send_s" in one]
    each = f", {statistics.median(took):.1f} s (median) a run of send" if took else ""
    return (
        f"{signed} reads signed, {sent} objects sent to {found.pacs} meanwhile, {failed} failed{each}; "
        f"it holds {found.held} at the end"
    )


if __name__ == "__main__":
    sys.exit(main())
