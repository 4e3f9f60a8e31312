"""Short form of the fault suite: each fault once, with the sentence for the user, and the store sound afterwards."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import duckdb
import pytest

from benchmarks.crash.scenarios import SCENARIOS, Place, write_ct
from osteo_core.__main__ import main
from tests.house.sources import ROOT

_PREPARE = {scenario.name: scenario.prepare for scenario in SCENARIOS}
#: Runs in its own process, because the full disk and another user's rights cannot be undone.
_FULL_DISK = """
import sys
from pathlib import Path
from benchmarks.crash.file_faults import FAULTS, FileFaults
from osteo_core.__main__ import main
store, ct, at = sys.argv[1:]
FileFaults(Path(store), at=int(at), fault=FAULTS["disk full"]).arm()
sys.exit(main(["index", ct]))
"""
_ANOTHER_USER = """
import os, sys
from osteo_core.__main__ import main
sound, lost, *command = sys.argv[1:]
main([*command, "--store", sound])  # whatever is imported only when it is needed is loaded as this user
print("as another user", flush=True)
os.setegid(65534), os.seteuid(65534)
sys.exit(main([*command, "--store", lost]))
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A store of two series, analyzed."""
    folder = tmp_path_factory.mktemp("faults")
    made = Place(root=folder / "store", ct=folder / "ct", key=folder / "key")
    write_ct(made.ct)
    _PREPARE["events"](made)
    return made


@pytest.fixture
def store(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it for the commands."""
    shutil.copytree(place.root, tmp_path / "store")
    monkeypatch.setenv("OSTEO_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("OSTEO_KEY_FILE", str(place.key))
    return tmp_path / "store"


def say(*arguments: str) -> tuple[int, str]:
    """A command's exit code and its output."""
    out = io.StringIO()
    with redirect_stdout(out), redirect_stderr(out):
        code = main(list(arguments))
    return code, out.getvalue()


def in_process(script: str, *arguments: str, **environment: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def is_one_sentence(said: str) -> bool:
    return "Traceback" not in said and said.strip().count("osteo_core: ") == 1


@pytest.mark.parametrize("at", [9])
def test_a_full_disk_ends_index_with_a_sentence_and_the_next_run_takes_all_in(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    store, key = tmp_path / "store", str(place.key)
    monkeypatch.setenv("OSTEO_STORE", str(store))
    monkeypatch.setenv("OSTEO_KEY_FILE", key)
    code, said = in_process(_FULL_DISK, str(store), str(place.ct), str(at))
    assert code == 1, said
    assert "No space left on device" in said
    assert is_one_sentence(said), said
    assert say("index", str(place.ct))[0] == 0
    assert say("check")[0] == 0
    with duckdb.connect(str(store / "osteo.duckdb"), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM series").fetchone() == (2,)


@pytest.fixture
def shared_folder() -> Iterator[Path]:
    """A folder that other users may enter, unlike those of pytest."""
    folder = Path(tempfile.mkdtemp(prefix="osteo-faults-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.skipif(os.getuid() != 0, reason="needs to become another user")
@pytest.mark.parametrize("command", ["index", "check"])
def test_a_store_that_this_user_may_not_write_to(place: Place, store: Path, shared_folder: Path, command: str) -> None:
    for name, source in (("sound", store), ("lost", store), ("ct", place.ct)):
        shutil.copytree(source, shared_folder / name)
    shutil.copy(place.key, shared_folder / "key")
    for path in shared_folder.rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    given = [command, *([str(shared_folder / "ct")] if command == "index" else [])]
    sound, lost = (str(shared_folder / name) for name in ("sound", "lost"))
    code, said = in_process(_ANOTHER_USER, sound, lost, *given, OSTEO_KEY_FILE=str(shared_folder / "key"))
    said = said.split("as another user\n")[-1]
    assert code in (1, 2), said
    assert "Permission denied" in said or "right to write there" in said
    assert "Traceback" not in said


def test_a_store_of_a_newer_program(store: Path) -> None:
    about = json.loads((store / "store.json").read_text())
    (store / "store.json").write_text(json.dumps({**about, "version": 9999}))
    code, said = say("analyze")
    assert code == 1
    assert "is at version 9999" in said
    assert is_one_sentence(said), said


def test_a_corrupt_block_of_the_database_is_found_and_rebuilt_from_the_parts(store: Path) -> None:
    database = store / "osteo.duckdb"
    content = bytearray(database.read_bytes())
    for at in range(3 * 4096, len(content), 4096):
        content[at + 100 : at + 164] = os.urandom(64)
    database.write_bytes(content)
    code, said = say("check")
    assert code == 1
    assert "check --rebuild" in said
    assert "Traceback" not in said
    assert say("check", "--rebuild")[0] == 0
    assert say("check")[0] == 0
    with duckdb.connect(str(database), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM results").fetchone() == (2,)


def test_a_corrupt_part_is_named(store: Path) -> None:
    part = max((store / "parts").rglob("*.parquet"), key=lambda path: path.stat().st_size)
    content = bytearray(part.read_bytes())
    content[len(content) // 2] ^= 0xFF
    part.write_bytes(content)
    code, said = say("check")
    assert code == 1
    assert f"damaged: {part.stem}" in said


def test_too_little_memory_for_a_worker(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OSTEO_WORKER_MEMORY_GB", "0.2")
    code, said = say("analyze")
    assert code in (1, 2), said
    assert "worker_memory_gb must be at least 1, found 0.2" in said
    assert is_one_sentence(said), said
