"""Faults in each scenario at its n-th file operation, kills at random times, and the state afterwards."""

from __future__ import annotations

import contextlib
import multiprocessing
import random
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby, zip_longest
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet

from benchmarks.crash.file_faults import FAULTS, FileFaults
from benchmarks.crash.scenarios import SCENARIOS, Place, Scenario, remove_leftovers, without_waiting, write_ct
from db.check import check_store
from db.connect import DATABASE, connect_database, open_snapshot, open_store
from osteo_core.columns import EXPORT_TABLES
from osteo_core.errors import OsteoError

#: A clean process that has imported everything; each scenario runs in a fork of it, which is fast and has no state.
_CONTEXT = multiprocessing.get_context("forkserver")
_PATIENCE_S = 900.0
#: Columns that differ between two runs of the same work, besides times and numbers in order of arrival.
_OF_THE_RUN = ("seconds", "index_id", "result_id", "source_id")
#: Hidden, but not a half-written file.
_HIDDEN = (".pieces",)
#: Compared in addition to the tables that may leave the site.
_NOT_EXPORTED = ("files", "cohort", "pairs")
_KILLED = -signal.SIGKILL
#: Exit code of a scenario that ended with an error that commands report as a sentence (osteo_core/__main__.py).
_SAID = 3


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One fault: its scenario, ``when`` ('operation 12 of 80, os.rename'), and what was wrong afterwards."""

    scenario: str
    when: str
    is_random: bool
    faults: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A scenario without a kill: its operations in order, its duration, and its result."""

    operations: tuple[str, ...]
    seconds: float
    state: dict[str, list[str]]


class Bench:
    """A working folder, with each scenario's initial folder, created once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ct = folder / "ct"
        if not self._ct.exists():
            write_ct(self._ct)
        _CONTEXT.set_forkserver_preload(["benchmarks.crash.suite"])
        self._measured: dict[str, Measured] = {}

    def measured(self, scenario: Scenario) -> Measured:
        """The scenario without a fault."""
        if scenario.name not in self._measured:
            with self._copy(scenario) as place:
                found = _in_child(_run_whole, scenario.name, place)
            self._measured[scenario.name] = Measured(**found)
        return self._measured[scenario.name]

    def fault_at(self, scenario: Scenario, n: int, fault: str = "kill") -> Verdict:
        """One of FAULTS at the scenario's n-th file operation (from 1)."""
        operations = self.measured(scenario).operations
        when = f"{fault} at operation {n} of {len(operations)}, {operations[n - 1]}"
        return self._disturbed(scenario, when, fault=fault, at=n, after_s=None)

    def kill_after(self, scenario: Scenario, share: float) -> Verdict:
        """Kill the scenario after this fraction of its usual duration."""
        seconds = share * self.measured(scenario).seconds
        return self._disturbed(scenario, f"kill after {seconds:.3f} s", fault="kill", at=0, after_s=seconds)

    def _disturbed(self, scenario: Scenario, when: str, *, fault: str, at: int, after_s: float | None) -> Verdict:
        expected = self.measured(scenario)
        with self._copy(scenario) as place:
            had_snapshot = (place.root / "snapshot" / "current.json").exists()
            promised, code = _disturbed_child(scenario.name, place, fault=fault, at=at, after_s=after_s)
            faults = [] if code in (0, _KILLED, _SAID) else [f"it ended with code {code}, and no sentence"]
            faults += _in_child(_settle, scenario.name, place, promised, had_snapshot, expected.state)
        return Verdict(scenario=scenario.name, when=when, is_random=at == 0, faults=tuple(faults))

    @contextlib.contextmanager
    def _copy(self, scenario: Scenario) -> Iterator[Place]:
        """A copy of the scenario's initial folder, always at the same path."""
        template = self.folder / "before" / scenario.name
        place = Place(root=self.folder / "root", ct=self._ct, key=self.folder / "key")
        shutil.rmtree(place.root, ignore_errors=True)
        if not template.exists():
            _in_child(_prepare, scenario.name, place)
            shutil.copytree(place.root, template)
            shutil.rmtree(place.root)
        shutil.copytree(template, place.root)
        yield place
        shutil.rmtree(place.root, ignore_errors=True)


def named(name: str) -> Scenario:
    """The scenario with that name."""
    return next(one for one in SCENARIOS if one.name == name)


def plan(bench: Bench, *, count: int, every: int, seed: int, fault: str = "kill") -> Iterator[Callable[[], Verdict]]:
    """``fault`` at every n-th distinct operation of each scenario, ``count`` in all; some of the kills at random times.

    If there are more operations than ``count``, they are taken from the scenarios in turn; at least a fifth of the
    kills come at random times.
    """
    rng = random.Random(seed)
    drawn = []
    for scenario in SCENARIOS:
        points = distinct(bench.measured(scenario).operations, fault)[rng.randrange(every) :: every]
        drawn.append([partial(bench.fault_at, scenario, n, fault) for n in rng.sample(points, len(points))])
    in_turn = [one for turn in zip_longest(*drawn) for one in turn if one is not None]
    chosen = in_turn[: count - count // 5 if fault == "kill" else count]
    yield from chosen
    for number in range(count - len(chosen) if fault == "kill" else 0):
        yield partial(bench.kill_after, SCENARIOS[number % len(SCENARIOS)], rng.random())


def every_one(bench: Bench, fault: str, part: int, parts: int) -> Iterator[Callable[[], Verdict]]:
    """``fault`` at every distinct operation of every scenario; of these, the ``part``-th (from 1) of ``parts``."""
    points = [(one, n) for one in SCENARIOS for n in distinct(bench.measured(one).operations, fault)]
    return (partial(bench.fault_at, scenario, n, fault) for scenario, n in points[part - 1 :: parts])


def distinct(operations: Sequence[str], fault: str = "kill") -> list[int]:
    """The operations (numbered from 1) at which ``fault`` may differ in its effect.

    A compressed file is written in many small pieces. Its readers never see it before it has its name, so of each row
    of writes only the first, the middle and the last are taken. A fault that concerns some kinds of operation only
    (FAULTS) is taken at these.
    """
    only, found = FAULTS[fault].only, []
    for name, row in groupby(enumerate(operations, start=1), key=lambda one: one[1]):
        numbers = [n for n, _ in row]
        if name == "write":
            numbers = sorted({numbers[0], numbers[len(numbers) // 2], numbers[-1]})
        found += numbers if not only or name in only else []
    return found


def _in_child(function: Callable[..., Any], *arguments: Any) -> Any:
    """The result of ``function`` in a separate process. Raises RuntimeError if it raised or died."""
    ours, theirs = _CONTEXT.Pipe()
    child = _CONTEXT.Process(target=_answer, args=(theirs, function, arguments))
    child.start()
    theirs.close()
    try:
        if not ours.poll(_PATIENCE_S):
            raise RuntimeError(f"{function.__name__} did not end within {_PATIENCE_S:.0f} s")
        is_sound, answer = ours.recv()
    except EOFError:
        raise RuntimeError(f"{function.__name__} ended without an answer") from None
    finally:
        child.join(10)
        if child.is_alive():
            child.kill()
    if not is_sound:
        raise RuntimeError(answer)
    return answer


def _answer(pipe: Connection, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    try:
        pipe.send((True, function(*arguments)))
    except BaseException as error:
        pipe.send((False, f"{function.__name__}: {type(error).__name__}: {error}"))


def _disturbed_child(
    name: str, place: Place, *, fault: str, at: int, after_s: float | None
) -> tuple[list[str], int | None]:
    """What the scenario confirmed before the fault, and the exit code of its process."""
    ours, theirs = _CONTEXT.Pipe()
    child = _CONTEXT.Process(target=_act, args=(theirs, name, place, fault, at))
    child.start()
    theirs.close()
    promised: list[str] = []
    with contextlib.suppress(EOFError):
        assert ours.recv() == "begun"
        if after_s is not None:
            time.sleep(after_s)
            child.kill()  # one that has ended already is left alone
        while ours.poll(_PATIENCE_S):
            promised.append(ours.recv())
    child.join(10)
    return promised, child.exitcode


def _act(pipe: Connection, name: str, place: Place, fault: str, at: int) -> None:
    faults = FileFaults(place.root, at=at, fault=FAULTS[fault])
    faults.arm()
    pipe.send("begun")
    try:
        named(name).act(place, pipe.send)
    except (OsteoError, OSError):
        sys.exit(_SAID)


def _prepare(name: str, place: Place) -> None:
    named(name).prepare(place)


def _run_whole(name: str, place: Place) -> dict[str, Any]:
    faults = FileFaults(place.root)
    faults.arm()
    began = time.perf_counter()
    named(name).act(place, lambda _: None)
    seconds = time.perf_counter() - began
    faults.disarm()
    return {"operations": tuple(faults.names), "seconds": seconds, "state": _state(named(name), place)}


def _settle(
    name: str, place: Place, promised: Sequence[str], had_snapshot: bool, expected: dict[str, list[str]]
) -> list[str]:
    """The faults found after the injected fault, and after the same step was repeated."""
    scenario, found = named(name), []
    if scenario.is_store and had_snapshot:
        with open_snapshot(place.root) as snapshot:
            snapshot.query("cohort_summary")
    if promised:
        found += _lost(place, promised)
    with without_waiting():
        scenario.act(place, lambda _: None)
    state = _state(scenario, place)
    found += [words for table in expected if (words := _difference(table, state[table], expected[table]))]
    if scenario.is_store:
        remove_leftovers(place)
        found += [f"check: {one.name}: {one.message}" for one in check_store(place.root) if not one.ok]
    return found + [f"left over: {path}" for path in _left_over(place.root)]


def _difference(table: str, rows: Sequence[str], expected: Sequence[str]) -> str:
    """How many rows are only in a run without a fault, and how many only in this one; '' if they agree."""
    lost, more = Counter(expected) - Counter(rows), Counter(rows) - Counter(expected)
    return f"{table}: {lost.total()} rows lost, {more.total()} more than without a fault" if lost or more else ""


def _lost(place: Place, promised: Sequence[str]) -> list[str]:
    """Confirmed events that are missing or duplicated."""
    with open_store(place.root) as store:
        store.take_in()
        counts = Counter(row["event_id"] for row in store.table("events").to_pylist())
    lost = [f"event {name} was promised and is lost" for name in promised if not counts[name]]
    return lost + [f"event {name} is there {count} times" for name, count in counts.items() if count > 1]


def _state(scenario: Scenario, place: Place) -> dict[str, list[str]]:
    """Unordered rows of every table, without values that differ between runs; for ``process`` also the masks."""
    if scenario.is_store:
        with open_store(place.root) as store:
            store.take_in()
            state = {name: _rows(store.table(name)) for name in EXPORT_TABLES}
        connection = connect_database(place.root / DATABASE)
        for name in _NOT_EXPORTED:
            state[name] = _rows(connection.sql(f"SELECT * FROM {name}").to_arrow_table())
        connection.close()
        state["files"] = sorted(set(state["files"]))  # each reading of a file is a row: reading one twice is harmless
        return state
    tables = {path.stem: _rows(parquet.read_table(path)) for path in sorted(place.root.glob("*.parquet"))}
    return {**tables, "masks": sorted(path.name for path in (place.root / "masks").glob("*"))}


def _rows(table: pa.Table) -> list[str]:
    kept = [
        field.name
        for field in table.schema
        if not pa.types.is_timestamp(field.type)
        and field.name not in _OF_THE_RUN
        and not field.name.endswith("_number")
    ]
    return sorted(repr(row) for row in table.select(kept).to_pylist())


def _left_over(root: Path) -> list[str]:
    """Half-written files, and leftover notes of runs."""
    names = [path for path in root.rglob("*") if path.name.startswith(".") or path.suffix in (".writing", ".making")]
    return sorted(str(path.relative_to(root)) for path in names if path.name not in _HIDDEN)
