"""Paint ahead: a second process makes the samples while this one trains."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from queue import Empty
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from multiprocessing.queues import Queue

Sample = tuple[np.ndarray, np.ndarray]
#: Largest number of waiting samples; a coarse torso has about 5 MB.
_WAITING = 6
_PATIENCE_S = 300.0


def _paint(samples: Callable[[int], Iterator[Sample]], seed: int, queue: Queue[Sample]) -> None:
    torch.set_num_threads(1)
    for sample in samples(seed):
        queue.put(sample)


def ahead(samples: Callable[[int], Iterator[Sample]], seed: int) -> Iterator[Sample]:
    """The samples of ``samples(seed)`` in order, made in a second process that ends with this one.

    Raises RuntimeError if that process has died.
    """
    context = multiprocessing.get_context("spawn")
    queue: Queue[Sample] = context.Queue(_WAITING)
    painter = context.Process(target=_paint, args=(samples, seed, queue), daemon=True)
    painter.start()
    while True:
        try:
            yield queue.get(timeout=_PATIENCE_S)
        except Empty:
            if not painter.is_alive():
                raise RuntimeError(f"the painter ended with code {painter.exitcode}") from None
