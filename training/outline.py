"""Stage 1c, for a real series without labels: outlines of every level by the released engine, for visual review.

``python -m training.outline --ct FILE_OR_FOLDER --out BODIES.nii.gz [--shift 0]``

Review each outline and count the levels from the sacrum before ``training.real`` uses them; ``--shift`` shifts
all numbers if the engine miscounted (+1: what it called T12 is L1).
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

import nibabel
import numpy as np

from models.registry import load, model_hash
from models.vertebra_segmentation.segmenter import VertebraSegmenter
from osteo_core.terms import Level
from training.real import TO_RAS, read_ct

log = logging.getLogger("training.outline")
_LEVELS = tuple(level for level in Level if Level.T1 <= level <= Level.L5)


def main() -> None:
    """Outline one series."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ct", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--shift", type=int, default=0)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    networks = load("spine_localiser"), load("vertebra_segmentation")
    engine = VertebraSegmenter(*networks, model_hash=model_hash("vertebra_segmentation"), levels=_LEVELS)
    found = engine.segment(read_ct(arguments.ct))
    labels = np.where(found.labels > 0, found.labels + arguments.shift, 0).astype(np.uint8)
    nibabel.save(nibabel.Nifti1Image(labels, TO_RAS @ found.geometry.affine_lps), arguments.out)
    log.info("%s", ", ".join(f"{Level(level.level + arguments.shift).name} {level.cut}" for level in found.levels))


if __name__ == "__main__":
    main()
