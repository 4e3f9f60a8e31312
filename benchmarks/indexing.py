"""Cost of indexing compared with pydicom's own reading of the same headers, on one core.

``python -m benchmarks.indexing PATH [--repeats 15] [--json]``: CPU time per file of `find_series` (walk, headers,
series, stacks, eligibility) and of ``dcmread(stop_before_pixels=True)``, each the least of the repeats, and the ratio.
Every file is read once beforehand, so that the disk does not count.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from pydicom import dcmread

from osteo_core.dicom.find import find_series
from osteo_core.dicom.header import has_preamble
from osteo_core.pseudonyms import Pseudonyms
from osteo_core.settings import Settings

#: Key for pseudonyms that identify no real person.
_KEY = Pseudonyms(bytes(32))


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU time (s) of ``work``."""
    began = time.process_time()
    work()
    return time.process_time() - began


def measure(path: Path, repeats: int) -> dict[str, float]:
    """Milliseconds per file for indexing and for reading headers alone, and their ratio."""
    files = [file for file in sorted(path.rglob("*")) if file.is_file() and has_preamble(file)]
    if not files:
        raise SystemExit(f"no DICOM files below {path}")
    for file in files:
        file.read_bytes()

    def read() -> None:
        for file in files:
            dcmread(file, stop_before_pixels=True)

    def index() -> None:
        find_series([path], pseudonyms=_KEY, settings=Settings())

    # Alternating, so that other load on the machine affects both.
    taken = [(cpu_seconds(read), cpu_seconds(index)) for _ in range(repeats)]
    headers, indexing = (min(column) for column in zip(*taken, strict=True))
    return {
        "files": len(files),
        "pydicom_ms": 1000 * headers / len(files),
        "indexing_ms": 1000 * indexing / len(files),
        "ratio": indexing / headers,
    }


def main(arguments: list[str] | None = None) -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    found = measure(options.path, options.repeats)
    if options.json:
        print(json.dumps(found))
        return 0
    print(
        f"{found['files']} files: pydicom {found['pydicom_ms']:.2f} ms a file, indexing {found['indexing_ms']:.2f} ms"
    )
    print(f"ratio {found['ratio']:.2f} (at most 1.5)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
