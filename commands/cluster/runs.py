"""Runs over one folder at the same time: each knows which others are alive, and no series is done by two of them.

A run keeps a folder ``.running/RUN`` with a locked file in it. The system drops the lock when the process ends, however
it ends, so a killed run differs from a running one even if its process id is in use again. Before a worker starts a
series it claims it: a file in ``.running/.taken`` that names the run. Claims of a killed run are void. The last run to
end removes all files; the next one to start removes the remains of killed runs.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from osteo_core.errors import UsageError

RUNNING = ".running"
_TAKEN = ".taken"
_LOCK = "lock"
_GATE = ".gate"
#: In place of a run's name, before the name and the outcome: the series is done and its result is delivered.
_DONE = "done"
#: How long to wait for a file without a name: its writer is between creating and filling it, or was killed there.
_WRITING_S = 1.0
#: A run's folder keeps its first name only briefly, unless its process was killed at that point.
_MAKING, _MAKING_S = ".making", 60.0


def folder_of(out_dir: Path, run_id: str) -> Path:
    """Folder where that run keeps its notes."""
    return out_dir / RUNNING / run_id


@contextlib.contextmanager
def joined(out_dir: Path, run_id: str, *, alone: bool = False) -> Iterator[None]:
    """Context of a run over ``out_dir``. With ``alone``, raises UsageError while another run is at work there."""
    root, folder = out_dir / RUNNING, folder_of(out_dir, run_id)
    _remove_dead(root)
    lock = _locked_folder(folder)
    try:
        if alone and _others(root, run_id):
            raise UsageError(
                f"another run writes to {out_dir}; wait until it has ended, or give another folder with --out"
            )
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)
        if not _others(root, run_id):
            shutil.rmtree(root / _TAKEN, ignore_errors=True)
        with contextlib.suppress(OSError):  # another run is at work there
            root.rmdir()


def is_at_work(out_dir: Path) -> bool:
    """Whether any run over that folder is alive."""
    return bool(_others(out_dir / RUNNING, ""))


def take(out_dir: Path, run_id: str, key: str) -> bool:
    """Claim ``key`` for this run: True if nobody has claimed it, or only a dead run. Any number of runs may ask."""
    path = out_dir / RUNNING / _TAKEN / key
    path.parent.mkdir(parents=True, exist_ok=True)
    while not _made(path, run_id):
        holder = _holder(path)
        if holder == run_id:  # a worker of this run died on it
            return True
        if not _is_free(out_dir, holder):
            return False
        with _gate(path.parent):  # of several runs that see the same dead run, one takes over
            if path.exists() and _is_free(out_dir, _holder(path)):
                _write(path, run_id)
    return True


def _is_free(out_dir: Path, holder: str) -> bool:
    """Whether the holder of the claim is dead: a killed run, or a writer killed before it wrote its name."""
    return not holder.startswith(_DONE) and not (holder and _is_alive(folder_of(out_dir, holder)))


@contextlib.contextmanager
def _gate(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder / _GATE, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
    try:
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _write(path: Path, content: str) -> None:
    temporary = path.with_name(f".{secrets.token_hex(8)}")
    temporary.write_text(content, encoding="ascii")
    temporary.replace(path)


def finish(out_dir: Path, key: str, *, is_done: bool, run_id: str = "", word: str = "") -> None:
    """Note that ``key`` is done, by which run and with which outcome; if it is not done, another run may claim it."""
    path = out_dir / RUNNING / _TAKEN / key
    if not is_done:
        path.unlink(missing_ok=True)
        return
    with contextlib.suppress(FileNotFoundError):  # the run was stopped meanwhile, and its notes are gone
        _write(path, f"{_DONE} {run_id} {word}")


def outcome_of(out_dir: Path, run_id: str, key: str) -> str:
    """The outcome with which this run itself finished ``key``, '' if it did not.

    A worker that dies loses the answers that it had not yet handed over; its work is then requested again.
    """
    done, _, rest = _holder(out_dir / RUNNING / _TAKEN / key).partition(" ")
    by, _, word = rest.partition(" ")
    return word if (done, by) == (_DONE, run_id) else ""


def _made(path: Path, run_id: str) -> bool:
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
    except FileExistsError:
        return False
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(run_id)
    return True


def _holder(path: Path) -> str:
    """The run that has claimed it; '' if nobody has, or its writer died before it wrote the name."""
    deadline = time.monotonic() + _WRITING_S
    while time.monotonic() < deadline:
        try:
            holder = path.read_text(encoding="ascii", errors="replace")
        except FileNotFoundError:
            return ""
        if holder:
            return holder
        time.sleep(_WRITING_S / 20)
    return ""


def _locked_folder(folder: Path) -> int:
    """Create the run's folder with its locked file, under another name first: it is never seen without the lock."""
    making = folder.with_name(f".{folder.name}{_MAKING}")
    making.mkdir(parents=True)
    descriptor = os.open(making / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
    with contextlib.suppress(OSError):  # a file system without locks: then every other run counts as dead
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    making.rename(folder)
    return descriptor


def _is_alive(folder: Path) -> bool:
    try:
        descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False


def _others(root: Path, run_id: str) -> list[Path]:
    """Folders of the other living runs."""
    folders = [path for path in _listed(root) if not path.name.startswith(".") and path.name != run_id]
    return [path for path in folders if _is_alive(path)]


def _remove_dead(root: Path) -> None:
    """Remove the remains of killed runs; their claims are free again."""
    folders = _listed(root)
    dead = [path for path in folders if not path.name.startswith(".") and not _is_alive(path)]
    if len(dead) == sum(not path.name.startswith(".") for path in folders):
        dead.append(root / _TAKEN)
    for path in (*dead, *(path for path in folders if _is_half_made(path))):
        shutil.rmtree(path, ignore_errors=True)


def _is_half_made(path: Path) -> bool:
    with contextlib.suppress(OSError):  # it has its name by now
        return path.suffix == _MAKING and path.stat().st_mtime < time.time() - _MAKING_S
    return False


def _listed(root: Path) -> list[Path]:
    return sorted(root.iterdir()) if root.is_dir() else []
