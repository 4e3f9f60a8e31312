"""The scenarios to kill: each does one thing to a folder, can be repeated after any kill, and has one correct result.

Everything runs in this process, including the workers' part: their file operations are the same as on a cluster.
Kills of workers and owners of a real Dask cluster are in benchmarks/crash/suite.py.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from unittest import mock

import numpy as np

from commands import analyze, process, store_access
from commands.analysis_job import Job, Models
from commands.analyze_one import Outcome, analyze_one
from commands.cluster import runs
from commands.index import index
from db import check, events, leftovers
from db.connect import DATABASE, connect_database, open_store
from osteo_core.imaging.nifti import write_nifti
from osteo_core.outcomes import Caution
from osteo_core.records import Event, Geometry, Segmentation, SegmentedLevel, Series, Volume
from osteo_core.settings import Settings
from osteo_core.terms import Anchor, Level

MODEL_HASH = "c" * 12
MODELS = Models(segmenter="benchmarks.crash.scenarios:segmenter", model_hash=MODEL_HASH)
#: Small CT of 4 mm voxels with four bodies of bone; their measurements do not matter here.
_SHAPE, _SPACING_MM, _CASES = (36, 36, 44), 4.0, 2
_LEVELS = (Level.L4, Level.L3, Level.L2, Level.L1)
#: Number of events that a person writes in one run of the scenario.
_EVENTS = 5
Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Place:
    """Folders of a scenario: ``root`` is subjected to kills and compared, ``ct`` and ``key`` are never written to."""

    root: Path
    ct: Path
    key: Path

    @property
    def settings(self) -> Settings:
        """Settings for this place."""
        return Settings(store=self.root, key_file=self.key, workers=1)


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """``prepare`` creates the initial folder once; ``act`` is killed. ``say`` reports what was confirmed.

    ``is_store`` is False for a folder of ``process``.
    """

    name: str
    prepare: Callable[[Place], None]
    act: Callable[[Place, Say], None]
    is_store: bool = True


@dataclass(frozen=True)
class Boxes:
    """Outlines four boxes, whatever the image."""

    model_hash: str = MODEL_HASH
    name: str = "boxes"

    def segment(self, volume: Volume) -> Segmentation:
        """Four boxes of 40 x 32 x 28 mm, one above another."""
        labels = np.zeros(volume.geometry.shape, dtype=np.uint8)
        levels = []
        for n, level in enumerate(_LEVELS):
            labels[13:23, 14:22, 3 + 10 * n : 10 + 10 * n] = level
            where = np.argwhere(labels == level).mean(axis=0)
            x, y, z = (float(mm) for mm in volume.geometry.to_world_mm(where))
            levels.append(SegmentedLevel(level=level, confidence=0.9, voxels=560, centroid_mm=(x, y, z)))
        return Segmentation(
            labels=labels,
            geometry=volume.geometry,
            levels=tuple(levels),
            anchor=Anchor.BOTH,
            engine="boxes",
            model_hash=self.model_hash,
        )


def segmenter() -> Boxes:
    """The segmenter named by the job."""
    return Boxes()


def write_ct(folder: Path, *, first: int = 0, cases: int = _CASES) -> None:
    """A folder of ``cases`` small NIfTI CTs, numbered from ``first``, each with the noise of its number."""
    folder.mkdir(parents=True, exist_ok=True)
    affine = np.diag([_SPACING_MM, _SPACING_MM, _SPACING_MM, 1.0])
    for n in range(first, first + cases):
        rng = np.random.default_rng(n)
        voxels = rng.normal(-1000.0, 10.0, _SHAPE)
        voxels[4:-4, 4:-4] = rng.normal(50.0, 10.0, (28, 28, _SHAPE[2]))
        voxels[13:23, 14:22] = rng.normal(160.0, 20.0, (10, 8, _SHAPE[2]))
        voxels = voxels.clip(-1024, 3000).round().astype(np.int16)
        write_nifti(folder / f"case_{n}.nii.gz", voxels, Geometry(shape=_SHAPE, affine_lps=affine))


@contextmanager
def workers_within() -> Iterator[None]:
    """Runs the series one after another in this process, instead of on a cluster."""

    def in_turn(
        series: Sequence[Series], cautions: Mapping[str, tuple[Caution, ...]], job: Job, **_: object
    ) -> list[Outcome]:
        return [analyze_one(one, cautions.get(one.series_key, ()), job.of(one)) for one in series]

    with mock.patch.object(analyze, "analyze_many", in_turn), mock.patch.object(process, "analyze_many", in_turn):
        yield


def _index(place: Place, _: Say = print) -> None:
    index([place.ct], place.root, settings=place.settings)


def _analyze(place: Place, _: Say = print) -> None:
    with workers_within():
        analyze.analyze(place.root, settings=place.settings, models=MODELS)


def _process(place: Place, _: Say) -> None:
    with workers_within():
        process.process([place.ct], place.root, settings=place.settings, models=MODELS)


def _note(place: Place, say: Say) -> None:
    """A person writes events while the app owns the store: an event is confirmed once ``record`` returns."""
    with open_store(place.root) as store:
        keys = sorted(store.table("series").column("series_key").to_pylist())
        for n in range(_EVENTS):
            name = f"event-{n}"
            event = Event(
                event_id=name,
                kind="note",
                series_key=keys[n % len(keys)],
                author="crash suite",
                at=datetime(2026, 11, 29, 12, n, tzinfo=UTC),
            )
            events.record(place.root, event)
            say(name)
            if n % 2:
                store.take_in()
        store.take_in()
        store.publish_snapshot()


def _rebuild(place: Place, _: Say) -> None:
    check.rebuild_store(place.root)
    store_access.hand_over(place.root)


def _upgrade(place: Place, _: Say) -> None:
    store_access.hand_over(place.root)


def _nothing(place: Place) -> None:
    place.root.mkdir(parents=True)


def _indexed(place: Place) -> None:
    _nothing(place)
    _index(place)


def _analyzed(place: Place) -> None:
    _indexed(place)
    _analyze(place)


def _of_an_earlier_program(place: Place) -> None:
    """A store with data whose table of events lacks a column, and whose derived tables were made by another recipe."""
    _analyzed(place)
    connection = connect_database(place.root / DATABASE)
    connection.execute("ALTER TABLE events DROP COLUMN settings_hash")
    connection.execute("UPDATE about SET value = 'of an earlier program' WHERE name = 'recipe'")
    connection.execute("DELETE FROM cohort")
    connection.close()
    shutil.rmtree(place.root / "snapshot")


@contextmanager
def without_waiting() -> Iterator[None]:
    """Remove leftovers of killed processes when a store is opened or a run begins, without waiting for them to age."""
    with mock.patch.object(leftovers, "_OLD_S", -1.0), mock.patch.object(runs, "_MAKING_S", -1.0):
        yield


def remove_leftovers(place: Place) -> None:
    """Remove what opening a store removes."""
    with without_waiting(), open_store(place.root):
        leftovers.remove_old_images(place.root)


SCENARIOS = (
    Scenario(name="index", prepare=_nothing, act=_index),
    Scenario(name="analyze", prepare=_indexed, act=_analyze),
    Scenario(name="events", prepare=_analyzed, act=_note),
    Scenario(name="upgrade", prepare=_of_an_earlier_program, act=_upgrade),
    Scenario(name="rebuild", prepare=_analyzed, act=_rebuild),
    Scenario(name="process", prepare=_nothing, act=_process, is_store=False),
)
