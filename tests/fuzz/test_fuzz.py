"""Short form of tests/fuzz: a fixed number of damaged inputs per reader, the same each time, and cases found before."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.fuzz.mutate import mutated
from tests.fuzz.readers import READERS, Reader, fault_of, named

RUNS, SEED = 60, 20
pytestmark = pytest.mark.filterwarnings("ignore")
#: Findings of the long form, by reader; each one ended in a traceback before.
FOUND = (
    ("part", b"PAR1\x15\x04\x15\x10\x00PAR1\x08\x00\x00\x00PAR1"),
    ("settings", b"workers=" + b"9" * 5000),
    ("settings", b"a" + b".a" * 50_000 + b"=1"),  # 3 GB before
    ("backup", b'{"parts": ' + b"[" * 100_000),
    ("backup", b'{"parts": ["events-' + b"9" * 300 + b'.parquet"]}'),
    ("backup", b'{"parts": ["../../etc/passwd"]}'),
    ("decisions", b'{"grades": {"21": 11e400}}'),
    ("zip", b"PK\x01\x02" + bytes(42) + b"PK\x05\x06" + bytes(4) + b"\1\0\1\0" + b"\x2e\0\0\0" + bytes(6)),  # no name
)


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_whatever_the_bytes_it_answers_or_refuses(reader: Reader, tmp_path: Path) -> None:
    (tmp_path / "seeds").mkdir()
    seeds = reader.seeds(tmp_path / "seeds")
    rng = random.Random(f"{SEED} {reader.name}")
    for number, seed in enumerate(
        [*seeds, *(mutated(rng.choice(seeds), seeds, rng) for _ in range(int(RUNS * reader.share)))]
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert fault_of(reader, seed, folder) == "", f"input {number} of seed {SEED}"


@pytest.mark.parametrize(("name", "content"), FOUND, ids=lambda value: value if isinstance(value, str) else "")
def test_what_was_found_before(name: str, content: bytes, tmp_path: Path) -> None:
    assert fault_of(named(name), content, tmp_path) == ""


def test_a_reader_that_raises_is_a_fault(tmp_path: Path) -> None:
    broken = Reader(name="broken", seeds=lambda _: [b""], read=lambda _, __: {}["no"])
    assert fault_of(broken, b"", tmp_path) == "KeyError: 'no'"
