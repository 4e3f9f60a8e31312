"""CPU time and memory of the released segmenter on a 512 x 512 x 300 series, beside TotalSegmentator's networks.

``python -m benchmarks.segmentation_cost [--windows 2] [--json]``

Seconds are CPU time on one thread, not wall time, so that other work on the machine has little effect. Ours is the
second of two runs (the first warms up). TotalSegmentator's ``--fast`` networks run with random weights, built from
their published plan (benchmarks/totalsegmentator.py); ``--windows`` of their windows are run and the rest is scaled (0
runs all). Each runs in its own process: peak_memory_mb is that process's maximum, the series and torch included.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import totalsegmentator
from benchmarks.anatomy import seeds
from benchmarks.resumable import as_text
from osteo_core.records import Geometry, Volume
from osteo_core.simulate.patient import draw_patient
from osteo_core.simulate.render import render

SHAPE = (512, 512, 300)
_STEP_MM = 1.0
#: The localiser is the network that sees the whole volume; every other network is a fine one.
_COARSE = "_localiser"


def make_series(folder: Path, shape: tuple[int, int, int] = SHAPE) -> Path:
    """A simulated abdomen of that shape, saved in ``folder``: rendered at half the pixels, each of them doubled."""
    patient = draw_patient(seeds(1)[0], situations=False)
    scan = replace(patient.acquisition, thickness_mm=_STEP_MM, step_mm=_STEP_MM, matrix=shape[0] // 2)
    scan = replace(scan, pixel_mm=patient.acquisition.pixel_mm * patient.acquisition.matrix / scan.matrix)
    volume, _ = render(replace(patient, acquisition=scan))
    hu = np.asarray(volume.voxels_hu)
    missing = max(shape[2] - hu.shape[2], 0)
    hu = np.pad(hu, ((0, 0), (0, 0), (missing, 0)), mode="reflect")[:, :, -shape[2] :]
    hu = hu.repeat(2, axis=0).repeat(2, axis=1)
    affine = volume.geometry.affine_lps.copy()
    affine[:3, :2] /= 2
    path = folder / "series.npz"
    np.savez(path, hu=np.ascontiguousarray(hu), affine=affine)
    return path


def _read(path: Path) -> Volume:
    stored = np.load(path)
    hu = stored["hu"]
    return Volume(voxels_hu=hu, geometry=Geometry(shape=hu.shape, affine_lps=stored["affine"]))


def _memory_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _timed_everywhere(function: Callable[..., Any], stage: str, spent: dict[str, float]) -> None:
    """Replace a function of models/ by one that records its time, in every module that imported it by name."""

    def timed(*args: Any, **kwargs: Any) -> Any:
        started = time.process_time()
        try:
            return function(*args, **kwargs)
        finally:
            spent[stage] += time.process_time() - started

    for name, module in list(sys.modules.items()):
        if name.startswith("models.") and getattr(module, function.__name__, None) is function:
            setattr(module, function.__name__, timed)


def _book_networks(segmenter: object, spent: dict[str, float]) -> None:
    """Record the time of every network of the segmenter: the localiser as coarse, any other as fine."""
    from torch import nn

    for name, network in vars(segmenter).items():
        if not isinstance(network, nn.Module):
            continue
        stage = "coarse network" if name == _COARSE else "fine network"
        begun: list[float] = []
        network.register_forward_pre_hook(lambda *_, begun=begun: begun.append(time.process_time()))

        def close(*_: object, begun: list[float] = begun, stage: str = stage) -> None:
            spent[stage] += time.process_time() - begun.pop()

        network.register_forward_hook(close)


def ours(path: Path) -> dict[str, Any]:
    """CPU seconds of each stage of the released segmenter, and the memory of this process."""
    import torch

    from models import grids
    from models.registry import load_segmenter
    from models.runtime import has_fast_bfloat16

    torch.set_num_threads(1)
    volume, segmenter = _read(path), load_segmenter()
    before_mb = _memory_mb()
    segmenter.segment(volume)
    spent: dict[str, float] = defaultdict(float)
    _timed_everywhere(grids.sample, "resampling", spent)
    _timed_everywhere(grids.back_to_source, "resampling", spent)
    _book_networks(segmenter, spent)
    started = time.process_time()
    found = segmenter.segment(volume)
    total = time.process_time() - started
    spent["decode"] = total - sum(spent.values())
    return {
        "total_s": total,
        "stages": dict(spent),
        "peak_memory_mb": _memory_mb(),
        "memory_before_mb": before_mb,
        "bfloat16": has_fast_bfloat16(),
        "levels": [level.level.name for level in found.levels],
        "shape": list(volume.geometry.shape),
    }


def theirs(path: Path, windows: int, bfloat16: bool) -> dict[str, Any]:
    """CPU seconds of each stage of TotalSegmentator's ``--fast`` networks, and the memory of this process."""
    import torch

    torch.set_num_threads(1)
    volume = _read(path)
    cost = totalsegmentator.cost(
        np.asarray(volume.voxels_hu), volume.geometry.spacing_mm, windows=windows, bfloat16=bfloat16
    )
    stages = {"resampling": cost.resampling_s, "network": cost.network_s, "decode": cost.decode_s}
    about = {"windows": cost.windows, "windows_timed": cost.windows_timed, "peak_memory_mb": _memory_mb()}
    return {"total_s": cost.total_s, "stages": stages, **about}


def _alone(function: Callable[..., dict[str, Any]], *arguments: object) -> dict[str, Any]:
    """The result of a function run in its own process."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def compare(own: dict[str, Any], other: dict[str, Any], same: dict[str, Any] | None) -> dict[str, Any]:
    """Both costs side by side; ``same`` is theirs in bfloat16 if ours uses it."""
    spent = own["stages"]
    mine = {
        "resampling": spent.get("resampling", 0.0),
        "network": spent.get("coarse network", 0.0) + spent.get("fine network", 0.0),
        "decode": spent["decode"],
    }
    return {
        "ours_cpu_s": own["total_s"],
        "ours_network_and_resampling_cpu_s": mine["network"] + mine["resampling"],
        "totalsegmentator_cpu_s": other["total_s"],
        "ratio": other["total_s"] / own["total_s"],
        "peak_memory_mb": own["peak_memory_mb"],
        "memory_before_mb": own["memory_before_mb"],
        "totalsegmentator_peak_memory_mb": other["peak_memory_mb"],
        "shape": own["shape"],
        "levels": own["levels"],
        "ours_in_bfloat16": own["bfloat16"],
        "totalsegmentator_in_bfloat16_cpu_s": same["total_s"] if same else None,
        "windows": other["windows"],
        "windows_timed": other["windows_timed"],
        "ours_stages": spent,
        "stages": [
            {
                "stage": name,
                "ours_cpu_s": mine[name],
                "totalsegmentator_cpu_s": theirs_s,
                "ratio": _over(theirs_s, mine[name]),
            }
            for name, theirs_s in other["stages"].items()
        ],
    }


def _over(theirs_s: float, ours_s: float) -> float | None:
    return theirs_s / ours_s if ours_s > 0 else None


def main() -> None:
    """Print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--windows", type=int, default=2, help="of TotalSegmentator's windows run this many; 0 all")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = make_series(Path(folder))
        own = _alone(ours, path)
        other = _alone(theirs, path, arguments.windows, False)
        same = _alone(theirs, path, 1, True) if own["bfloat16"] else None
    found = compare(own, other, same)
    if arguments.json:
        print(json.dumps(found, indent=1))
        return
    print(as_text(found.pop("stages")))
    for name, value in found.items():
        print(f"{name}: {value:.2f}" if isinstance(value, float) else f"{name}: {value}")
    if found["windows_timed"] < found["windows"]:
        print(f"TotalSegmentator's network time is scaled from {found['windows_timed']} of {found['windows']} windows")


if __name__ == "__main__":
    main()
