"""``python -m tests.load [--store DIR] [--people 20] [--minutes 20] [--browsers 2] [--json]``: people on a large store.

The app over the store (of ``python -m benchmarks.million_store DIR``), people by protocol with pauses of five seconds on
average and some in Chromium, and a worker that measures a small CT every ten seconds and delivers its result, as
``analyze`` does. Printed: p50 and p95 of each page by protocol, from the click until the server has sent all of it; the
same in the browser, until no part of the page waits; memory, handles and threads of the app before, meanwhile, after.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.load.measure import measure


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures; exit code 1 where a page failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.load", description=__doc__)
    parser.add_argument("--store", type=Path, default=Path("data/million"))
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--browsers", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    found = measure(given.store, people=given.people, minutes=given.minutes, browsers=given.browsers)
    sys.stdout.write(json.dumps(found, indent=1) + "\n" if given.json else _as_text(found))
    return 1 if found["faults"] else 0


def _as_text(found: dict[str, Any]) -> str:
    lines = []
    for way in ("by_protocol", "in_the_browser"):
        lines.append(f"{way.replace('_', ' ')}: page, visits, p50 s, p95 s, faults")
        lines += [
            f"  {page:<12} {row['n']:>6} {row['p50_s']:>8.2f} {row['p95_s']:>8.2f} {row['faults']:>4}"
            for page, row in found[way].items()
        ]
    lines += [f"{name}: {found[name]}" for name in ("app", "mb_a_person", "first_and_last_quarter_mb", "faults")]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
