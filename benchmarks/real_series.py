"""The real labelled series of ../shared/data: their paths, and which levels of their references can be judged."""

from __future__ import annotations

from pathlib import Path

from osteo_core.records import LabelArray, Volume
from osteo_core.terms import Level
from training.real import HELD_OUT, read_ct, read_labels

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
WITH_REFERENCE = (*HELD_OUT, "lidc_0001")
#: L2 of lidc_0001 is on the lowest slice and L3 is cut (../shared/data/README.md).
UNFIT = {"lidc_0001": (Level.L3,)}


def ct_path(name: str) -> Path:
    """Path of the CT of a labelled series."""
    return DATA / "labels" / "pairs" / f"{name}_ct.nii.gz" if name in HELD_OUT else DATA / "ct" / f"{name}.nii.gz"


def read_labelled(name: str) -> tuple[Volume, LabelArray]:
    """The CT of a labelled series and the reference bodies (VerSe numbers) on its grid; unfit levels are left out."""
    volume = read_ct(ct_path(name))
    truth = read_labels(DATA / "labels" / "bodies" / f"{name}.nii.gz", volume.geometry)
    for level in UNFIT.get(name, ()):
        truth[truth == level] = 0
    return volume, truth
