"""Stage 1b: simulated patients as training scans. ``python -m training.simulated --first 800000 --count 40``.

The seeds are outside the simulator's DEMO_SEEDS and TEST_SEEDS.
"""

from __future__ import annotations

import argparse
import logging

from osteo_core.simulate.patient import DEMO_SEEDS, TEST_SEEDS, draw_patient
from osteo_core.simulate.render import render
from training.scans import SCANS, store

log = logging.getLogger("training.simulated")


def main() -> None:
    """Render and store the patients that do not exist yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=800_000)
    parser.add_argument("--count", type=int, default=40)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    for seed in range(arguments.first, arguments.first + arguments.count):
        if seed in DEMO_SEEDS or seed in TEST_SEEDS:
            raise SystemExit(f"seed {seed} belongs to the demo or the benchmarks")
        if not (SCANS / f"simulated_{seed}.json").exists():
            store(f"simulated_{seed}", *render(draw_patient(seed, situations=False)))
            log.info("seed %d", seed)


if __name__ == "__main__":
    main()
