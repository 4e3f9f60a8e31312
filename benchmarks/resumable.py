"""Many series, several processes, any interruption: each series' rows are saved as soon as they are ready.

Rows are stored below the variable OSTEO_BENCHMARKS, or data/benchmarks (not in git), in a folder named by the sources
and weights that made them: a stopped run resumes, and a changed network, decoder or benchmark starts over.
"""

from __future__ import annotations

import csv
import functools
import json
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from benchmarks.scoring import Row
from osteo_core.measuring import code_hash

ROOT = Path(__file__).resolve().parents[1]
TABLES = ROOT / "models" / "vertebra_segmentation" / "tables"
#: What determines a result: sources, and the cards that name the weights by hash.
_DECIDES = ("models", "osteo_core", "benchmarks")


def workplace() -> Path:
    """Folder in which rows are kept between runs."""
    return Path(os.environ.get("OSTEO_BENCHMARKS", ROOT / "data" / "benchmarks"))


@functools.cache
def version() -> str:
    """Twelve hex digits of the code (without docstrings and comments) and model cards that a result depends on."""
    files = (file for folder in _DECIDES for file in (ROOT / folder).rglob("*") if file.suffix in (".py", ".toml"))
    return code_hash(files)[:12]


def collect(name: str, keys: Sequence[str], work: Callable[[str], list[Row]], *, workers: int) -> list[Row]:
    """Rows of all ``keys`` in their order; ``work(key)`` makes those that do not exist yet.

    ``work`` must be a module-level function (it is called in other processes if ``workers`` is more than 1). A key
    is a file's name. An exception from ``work`` ends the run; finished rows are kept.
    """
    folder = workplace() / name / version()
    folder.mkdir(parents=True, exist_ok=True)
    open_keys = [key for key in keys if not (folder / f"{key}.json").exists()]
    for key in _done_in_turn(folder, open_keys, work) if workers <= 1 else _done(folder, open_keys, work, workers):
        _tell(name, key, folder, keys)
    return [row for key in keys for row in json.loads((folder / f"{key}.json").read_text(encoding="utf-8"))]


def _done_in_turn(folder: Path, keys: Sequence[str], work: Callable[[str], list[Row]]) -> Iterator[str]:
    return (_do(folder, key, work) for key in keys)


def _done(folder: Path, keys: Sequence[str], work: Callable[[str], list[Row]], workers: int) -> Iterator[str]:
    """Keys as they are finished in other processes; an error cancels the keys that have not started."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        futures = [pool.submit(_do, folder, key, work) for key in keys]
        try:
            yield from (future.result() for future in as_completed(futures))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _do(folder: Path, key: str, work: Callable[[str], list[Row]]) -> str:
    """Make and store one key's rows, in the worker's process."""
    partial = folder / f"{key}.{os.getpid()}.partial"
    partial.write_text(json.dumps(work(key)), encoding="utf-8")
    os.replace(partial, folder / f"{key}.json")
    return key


def _tell(name: str, key: str, folder: Path, keys: Sequence[str]) -> None:
    done = sum((folder / f"{one}.json").exists() for one in keys)
    print(f"{name}: {done} of {len(keys)}, {key}", file=sys.stderr, flush=True)


def write_table(path: Path, rows: Sequence[Row]) -> None:
    """Rows as CSV with every column that any of them has; numbers to four places, None as an empty cell."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)


def read_table(path: Path) -> list[dict[str, str]]:
    """Rows of a CSV as text."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _cell(value: object) -> object:
    return round(value, 4) if isinstance(value, float) else value


def as_text(rows: Sequence[Row]) -> str:
    """A table for printing: columns as wide as their longest entry."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    cells = [columns, *([_shown(row.get(column)) for column in columns] for row in rows)]
    widths = [max(len(line[n]) for line in cells) for n in range(len(columns))]
    return "\n".join("  ".join(text.ljust(w) for text, w in zip(line, widths, strict=True)).rstrip() for line in cells)


def _shown(value: object) -> str:
    return "-" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)
