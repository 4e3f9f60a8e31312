"""``python -m tests.fuzz [--reader NAME] [--runs 5000] [--seed 1] [--keep FOLDER]``: damaged input for all our readers.

With atheris (``pip install atheris``) and ``--coverage``, inputs are guided by the branches of our own code that were
reached, one reader at a time in its own process; otherwise changes are drawn at random. An input is a fault if it ends
in anything but an answer or a refusal, takes more than 20 s of CPU time, or needs more than 3 GB. It is printed and
saved in FOLDER, and the exit code is 1. Each fault found becomes a case in tests/fuzz/test_fuzz.py.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

MOST_S, MOST_BYTES = 20.0, 3 << 30


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the readers and print one line each; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--reader", action="append", help="only this one; may be given again")
    parser.add_argument("--runs", type=int, default=5000, help="of each reader; a hundredth of it for a command")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, default=Path("data/fuzz"), metavar="FOLDER")
    parser.add_argument("--coverage", action="store_true", help="led by coverage; needs atheris")
    given = parser.parse_args(arguments)
    given.keep.mkdir(parents=True, exist_ok=True)
    if given.coverage and not given.reader:
        return _each_in_its_own(given)
    if given.coverage:
        _led_by_coverage(given)
    from tests.fuzz.readers import READERS

    limit_memory()
    faults = 0
    for reader in READERS:
        if not given.reader or reader.name in given.reader:
            began = time.monotonic()
            found = _at_random(reader.name, given)
            faults += len(found)
            _say(
                f"{reader.name:<18} {int(given.runs * reader.share):>7} inputs {time.monotonic() - began:6.0f} s {len(found):>3} faults",
            )
            for words, path in found.items():
                _say(f"    {words[:200]}: {path}")
    return 1 if faults else 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def limit_memory() -> None:
    """Make allocations fail in this process beyond MOST_BYTES more than now."""
    with Path("/proc/self/statm").open() as statm:
        now = int(statm.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + MOST_BYTES, resource.getrlimit(resource.RLIMIT_AS)[1]))


def _at_random(name: str, given: argparse.Namespace) -> dict[str, Path]:
    """One saved input for each kind of fault."""
    from tests.fuzz.mutate import mutated
    from tests.fuzz.readers import named

    reader, rng, found = named(name), random.Random(f"{given.seed} {name}"), {}
    with tempfile.TemporaryDirectory() as folder:
        seeds = _seeds(reader, Path(folder))
        for _ in range(max(int(given.runs * reader.share), 1)):
            content = mutated(rng.choice(seeds), seeds, rng)
            if words := tried(reader, content, Path(folder) / "one"):
                kind = words[:60]
                found.setdefault(kind, _kept(given.keep, name, content))
    return found


def _seeds(reader, folder: Path) -> list[bytes]:
    place = folder / "seeds"
    place.mkdir()
    return list(reader.seeds(place))


def tried(reader, content: bytes, folder: Path) -> str:
    """The fault of the reader on this content, in an empty folder; '' for none."""
    from tests.fuzz.readers import fault_of

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    began = time.process_time()
    words = fault_of(reader, content, folder)
    seconds = time.process_time() - began
    return words or (f"{seconds:.0f} s" if seconds > MOST_S else "")


def _kept(folder: Path, name: str, content: bytes) -> Path:
    path = folder / f"{name.replace(' ', '_')}-{hashlib.sha256(content).hexdigest()[:12]}"
    path.write_bytes(content)
    return path


def _each_in_its_own(given: argparse.Namespace) -> int:
    from tests.fuzz.readers import READERS

    options = ["--coverage", "--runs", str(given.runs), "--seed", str(given.seed), "--keep", str(given.keep)]
    codes = [subprocess.call([sys.executable, "-m", "tests.fuzz", "--reader", one.name, *options]) for one in READERS]
    return 1 if any(codes) else 0


def _led_by_coverage(given: argparse.Namespace) -> None:
    """Does not return: libFuzzer ends the process. Each kind of fault is printed once and the run continues."""
    try:
        import atheris
    except ImportError:
        sys.exit("atheris is not installed: pip install atheris")
    with atheris.instrument_imports(include=["osteo_core", "db", "commands"]):
        from tests.fuzz.readers import named
    reader = named(given.reader[0])
    place = Path(tempfile.mkdtemp(prefix="fuzz-"))
    corpus = place / "corpus"
    corpus.mkdir()
    for number, content in enumerate(_seeds(reader, place)):
        (corpus / str(number)).write_bytes(content)
    kinds: set[str] = set()
    count = 0

    def one(content: bytes) -> None:
        nonlocal count
        count += 1
        words = tried(reader, content, place / "one")
        if words and words[:60] not in kinds:
            kinds.add(words[:60])
            _say(f"{reader.name}: {words[:200]}: {_kept(given.keep, reader.name, content)}")
        if count == max(int(given.runs * reader.share), 1):
            _say(
                f"{reader.name:<18} {count:>7} inputs {len(kinds):>3} faults, {len(list(corpus.iterdir()))} kept for coverage",
            )
            shutil.rmtree(place, ignore_errors=True)
            os._exit(1 if kinds else 0)

    options = [
        f"-seed={given.seed}",
        "-max_len=20000",
        "-rss_limit_mb=4096",
        f"-timeout={int(3 * MOST_S)}",
        "-verbosity=0",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], one)
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
