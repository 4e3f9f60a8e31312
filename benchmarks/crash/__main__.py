"""``python -m benchmarks.crash [--fault kill] [--count 300] [--every 1] [--seed 1] [--all K/N] [--json]``.

The crash suite: kills ``index``, ``analyze``, a store's owner while a person notes events, an upgrade,
``check --rebuild`` and ``process`` at every n-th file operation and at random times; or injects another fault: a power
cut that loses writes not yet flushed to disk, a full or read-only disk, a lost permission, a disk error. After each
fault the same step is repeated; then every row, event and mask must exist exactly once, as in a run without a fault,
``check`` must find nothing, and no half-written file may be left. Exit code 1 if anything is wrong.

``--all 1/2`` takes every distinct operation instead of a sample, divided into two parts for two processes, and of
these the first part.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.crash.file_faults import FAULTS
from benchmarks.crash.scenarios import SCENARIOS
from benchmarks.crash.suite import Bench, Verdict, every_one, plan


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the suite and print one line per scenario, then every fault."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.crash", description=__doc__)
    parser.add_argument("--fault", choices=[*FAULTS], default="kill")
    parser.add_argument("--count", type=int, default=300, metavar="N", help="at most so many faults")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="every n-th file operation")
    parser.add_argument("--seed", type=int, default=1, metavar="N")
    parser.add_argument("--all", type=_part, metavar="K/N", help="every operation; the K-th of N parts of them")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="crash") as folder:
        bench = Bench(Path(folder))
        if given.all:
            planned = every_one(bench, given.fault, *given.all)
        else:
            planned = plan(bench, count=given.count, every=given.every, seed=given.seed, fault=given.fault)
        verdicts = [_printed(one()) for one in planned]
        operations = {one.name: len(bench.measured(one).operations) for one in SCENARIOS}
    print(_report(verdicts, operations, time.monotonic() - began, as_json=given.json))
    return 1 if any(one.faults for one in verdicts) else 0


def _part(text: str) -> tuple[int, int]:
    part, parts = (int(word) for word in text.split("/"))
    if not 1 <= part <= parts:
        raise ValueError
    return part, parts


def _printed(verdict: Verdict) -> Verdict:
    sys.stderr.write(f"{verdict.scenario}: {verdict.when}: {'; '.join(verdict.faults) or 'sound'}\n")
    return verdict


def _report(verdicts: Sequence[Verdict], operations: dict[str, int], seconds: float, *, as_json: bool) -> str:
    if as_json:
        found = {"operations": operations, "seconds": seconds, "faults": [asdict(one) for one in verdicts]}
        return json.dumps(found, indent=2)
    lines = ["scenario   operations  fault at one  at random  found wrong"]
    for name, count in operations.items():
        own = [one for one in verdicts if one.scenario == name]
        random_ones, wrong = sum(one.is_random for one in own), sum(bool(one.faults) for one in own)
        lines.append(f"{name:<10} {count:>10} {len(own) - random_ones:>13} {random_ones:>10} {wrong:>12}")
    lines.append(f"{len(verdicts)} faults in {seconds:.0f} s")
    return "\n".join(
        [*lines, *(f"{one.scenario}, {one.when}: {'; '.join(one.faults)}" for one in verdicts if one.faults)]
    )


if __name__ == "__main__":
    sys.exit(main())
