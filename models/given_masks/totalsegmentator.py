"""TotalSegmentator, where a site has installed it: run on the volume, its output read like any mask from elsewhere.

Task 'total' of version 2 (Wasserthal 2023), vertebrae only, in its own process: nnU-Net starts processes, which a Dask
worker may not do. Nothing is downloaded or sent: the engine refuses to start if weights are missing, and the package's
usage statistics are switched off.

``python -m models.given_masks.totalsegmentator CT.nii.gz MASK.nii.gz`` runs that process.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import importlib.metadata
import importlib.util
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from models.given_masks.segmenter import bodies_of, mended_mask
from osteo_core.children import run_child
from osteo_core.errors import UsageError
from osteo_core.imaging.nifti import write_nifti
from osteo_core.outcomes import Exclusion
from osteo_core.records import Segmentation, Volume
from osteo_core.segmentation.bodies import CUT_VERSION
from osteo_core.segmentation.find_masks import MaskFiles
from osteo_core.segmentation.fit import misfit
from osteo_core.segmentation.masks import WholeVertebrae, read_mask
from osteo_core.segmentation.naming import MaskTool, level_of_name
from osteo_core.whole_files import private_folder

PACKAGE = "TotalSegmentator"
#: Its networks by number: the package needs all networks of task 'total', whichever structures are requested.
_NETWORKS = (291, 292, 293, 294, 295, 298)
_HASH_DIGITS = 12
#: Longest run for one series, in seconds; only one that hangs takes so long.
_LONGEST_S = 3 * 3600.0
_ROOT = Path(__file__).resolve().parents[2]


class TotalSegmentatorSegmenter:
    """Runs TotalSegmentator on the vertebrae and cuts out the bodies; a `Segmenter` (osteo_core.records)."""

    name = "totalsegmentator"

    def __init__(self) -> None:
        self._source, self.model_hash = installed()

    def segment(self, volume: Volume) -> Segmentation | Exclusion:
        """Bodies on the volume's own grid. Raises RuntimeError when the package fails."""
        started = time.perf_counter()
        mask = _outlined(volume)
        if isinstance(mask, Exclusion):
            return mask
        mended = mended_mask(mask)
        if isinstance(mended, Exclusion):
            return mended
        mask, repairs = mended
        fault = misfit(mask, volume)
        if fault is not None:
            return fault
        engine = f"{self._source}, run here"
        found = bodies_of(mask, volume, engine=engine, model_hash=self.model_hash, started=started)
        return replace(found, cautions=(*found.cautions, *repairs))


@functools.cache
def load() -> TotalSegmentatorSegmenter:
    """The engine, created once per process."""
    return TotalSegmentatorSegmenter()


def installed() -> tuple[str, str]:
    """Name with version, and model hash, of a working installation.

    Raises UsageError that states what is missing and how to install it.
    """
    if importlib.util.find_spec("totalsegmentator") is None:
        raise UsageError(
            f"the engine totalsegmentator needs the package {PACKAGE}, which is not installed; 'pip install {PACKAGE}' "
            "and 'totalseg_download_weights -t total' bring it, or leave --engine out"
        )
    source = f"{PACKAGE} {importlib.metadata.version(PACKAGE)}"
    folder = Path(importlib.import_module("totalsegmentator.config").get_weights_dir())
    weights = [sorted(path.name for path in folder.glob(f"Dataset{number}_*")) for number in _NETWORKS]
    if not all(weights):
        raise UsageError(
            f"the engine totalsegmentator needs the weights of {PACKAGE}, and {sum(not w for w in weights)} of "
            f"{len(weights)} networks are missing; 'totalseg_download_weights -t total' brings them"
        )
    parts = (source, CUT_VERSION, *(name for names in weights for name in names))
    return source, hashlib.sha256("\0".join(parts).encode()).hexdigest()[:_HASH_DIGITS]


def _outlined(volume: Volume) -> WholeVertebrae | Exclusion:
    with private_folder() as folder:
        ct, mask = folder / "ct.nii.gz", folder / "mask.nii.gz"
        write_nifti(ct, volume.voxels_hu, volume.geometry)
        command = (sys.executable, "-m", "models.given_masks.totalsegmentator", str(ct), str(mask))
        try:
            code = run_child(command, longest_s=_LONGEST_S, cwd=_ROOT)
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"{PACKAGE} gave no mask in {_LONGEST_S / 3600:g} hours; try it by itself") from None
        if code or not mask.exists():
            raise RuntimeError(f"{PACKAGE} ended with code {code} and gave no mask; try it by itself")
        return read_mask(MaskFiles(files=(mask,), tool=MaskTool.TOTALSEGMENTATOR))


def _run(ct: Path, mask: Path) -> None:
    """The work of the process: call the package's own function and save its label map as the package does."""
    api: Any = importlib.import_module("totalsegmentator.python_api")
    names = importlib.import_module("totalsegmentator.map_to_binary").class_map["total"].values()
    vertebrae = [name for name in names if name.startswith("vertebrae") and level_of_name(name) is not None]
    api.send_usage_stats = lambda *_, **__: None
    api.totalsegmentator(ct, mask, ml=True, task="total", roi_subset=vertebrae, quiet=True)


if __name__ == "__main__":
    _run(Path(sys.argv[1]), Path(sys.argv[2]))
