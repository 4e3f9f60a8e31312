"""Stage 1: pack label maps into the maps that the painter samples. ``python -m training.cache``."""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from training import cases
from training.cases import GRID_MM, POSTERIOR, SACRUM, Body
from training.icrp import icrp
from training.materials import Material
from training.plant import centroids_mm, fill_soft_tissue, plant
from training.workplace import WORKPLACE

LABELS = Path(__file__).resolve().parents[2] / "shared" / "data" / "labels"
CACHE = WORKPLACE / "cache"
#: Patients whose shapes (never whose CT) are planted. verse007 is left out: its vertebrae are cut off.
DONORS = ("verse004", "verse005", "verse009", "verse010", "verse014", "ssm_mean_lumbar_L2_L5")
#: Spines long enough to replace all rough vertebrae of an ICRP phantom from T9 down.
LONG_DONORS = ("verse009", "verse004", "austinman", "xcat")
FINE_MARGIN_MM = (105.0, 95.0, 40.0)
COARSE_STEP = 2
_OTHER_BONE = 200
_T1 = 8
log = logging.getLogger("training.cache")


def bone_depth(body: Body) -> NDArray[np.uint8]:
    """Depth of each voxel below the surface of its own bone, in 0.1 mm (0 outside bone, 255 = deep)."""
    bone = np.where(body.part > POSTERIOR, body.part - POSTERIOR, body.part)
    bone = np.where((body.material == Material.BONE) & (bone == 0), _OTHER_BONE, bone)
    depth = np.zeros(bone.shape, dtype=np.uint8)
    for value, where in enumerate(ndimage.find_objects(bone), start=1):
        if where is None:
            continue
        box = tuple(slice(max(s.start - 1, 0), s.stop + 1) for s in where)
        mask = bone[box] == value
        mm = ndimage.distance_transform_edt(mask, sampling=GRID_MM) - 0.4 * GRID_MM
        depth[box][mask] = np.clip(mm[mask] * 10, 1, 255).astype(np.uint8)
    return depth


def packed(body: Body) -> NDArray[np.uint32]:
    """One number per voxel (part, material << 8, depth << 16), so that sampling gathers only once."""
    return (
        body.part.astype(np.uint32)
        | (body.material.astype(np.uint32) << 8)
        | (bone_depth(body).astype(np.uint32) << 16)
    )


def spine_box(part: NDArray[np.uint8]) -> tuple[slice, slice, slice]:
    """The part of a torso from which fine patches are drawn: T7 to the sacrum with a margin."""
    spine = ((part >= 14) & (part <= SACRUM)) | (part > POSTERIOR + 13)
    where = ndimage.find_objects(spine.astype(np.uint8))[0]
    margin = [int(m / GRID_MM) for m in FINE_MARGIN_MM]
    return tuple(slice(max(s.start - m, 0), s.stop + m) for s, m in zip(where, margin, strict=True))  # type: ignore[return-value]


def store(name: str, body: Body) -> None:
    """Write the fine and the coarse map of one body and the centres of its vertebrae."""
    whole = packed(body)
    box = spine_box(body.part)
    origin = np.array([s.start for s in box]) * GRID_MM
    centres = centroids_mm(body.part)
    np.save(CACHE / f"{name}_fine.npy", whole[box])
    np.save(CACHE / f"{name}_coarse.npy", np.ascontiguousarray(whole[::COARSE_STEP, ::COARSE_STEP, ::COARSE_STEP]))
    notes = {
        "fine_centres_mm": {str(k): (v - origin).tolist() for k, v in centres.items()},
        "coarse_centres_mm": {str(k): v.tolist() for k, v in centres.items()},
    }
    (CACHE / f"{name}.json").write_text(json.dumps(notes))
    log.info("%s: fine %s, coarse step %d", name, whole[box].shape, COARSE_STEP)


def hosts() -> dict[str, Body]:
    """The whole bodies into which patients' vertebrae are planted."""
    austin = cases.austinman(LABELS)
    return {"austinman": austin, "xcat": fill_soft_tissue(cases.xcat(LABELS), austin)}


def _long_spine(name: str, bodies: dict[str, Body]) -> NDArray[np.uint8]:
    if name not in bodies:
        return cases.donor(LABELS, name)
    part = bodies[name].part
    return np.where((part == SACRUM) | (part < _T1) | ((part > POSTERIOR) & (part < POSTERIOR + _T1)), 0, part)


def _plant_all(donors: Iterable[tuple[str, NDArray[np.uint8]]], bodies: dict[str, Body]) -> None:
    for donor, part in donors:
        for name, host in bodies.items():
            if not (CACHE / f"{donor}_in_{name}.json").exists():
                store(f"{donor}_in_{name}", plant(part, host))


def main() -> None:
    """Build every map that does not exist yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="comma separated donors; default all")
    wanted = parser.parse_args().only
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    CACHE.mkdir(parents=True, exist_ok=True)
    bodies = hosts()
    for name, body in bodies.items():
        if not (CACHE / f"{name}.json").exists():
            store(name, body)
    names = wanted.split(",") if wanted else DONORS
    _plant_all(((n, cases.donor(LABELS, n)) for n in names), bodies)
    others = {name: icrp(LABELS, name) for name in ("icrp110_af", "icrp110_am")}
    _plant_all(((n, _long_spine(n, bodies)) for n in LONG_DONORS if not wanted or n in names), others)


if __name__ == "__main__":
    main()
