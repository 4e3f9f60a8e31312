"""What a worker must know about a run, small enough to travel with every task."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from osteo_core.records import Segmenter, SeriesResult
from osteo_core.settings import Settings

#: Below the output: what workers have begun.
RUNNING = ".running"


@dataclass(frozen=True, kw_only=True)
class Models:
    """The models of a run by name: ``segmenter`` is 'module:function', called once in each worker process.

    ``model_hash`` is known without loading anything, so that what is done can be told from what is not.
    """

    segmenter: str
    model_hash: str


@dataclass(frozen=True, kw_only=True)
class Job:
    """One run: where results go, under which settings and models, and what writes them.

    ``out_dir`` is the store, or the folder of ``process``; ``deliver`` is a function of a module, so
    that it pickles. ``run_id`` names the folder in which attempts are noted.
    """

    run_id: str
    out_dir: Path
    settings: Settings
    models: Models
    deliver: Callable[[SeriesResult, Job], None]

    @property
    def running_dir(self) -> Path:
        """Where workers note what they have begun."""
        return self.out_dir / RUNNING / self.run_id


def default_models() -> Models:
    """The models that this program ships; reads their card, imports no torch."""
    from models.registry import model_hash

    return Models(segmenter="models.registry:load_segmenter", model_hash=model_hash("vertebra_segmentation"))


@functools.cache
def load_segmenter(reference: str) -> Segmenter:
    """The segmenter that ``reference`` names, made once a process."""
    module, _, function = reference.partition(":")
    segmenter: Segmenter = getattr(importlib.import_module(module), function)()
    return segmenter
