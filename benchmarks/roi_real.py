"""Trabecular HU on real CT: the region from the released segmenter's mask against that from the reference mask.

``python -m benchmarks.roi_real [--json]``; needs ../shared/data. A level is compared if it is whole in both masks.
The L2 crop in mg/cm3 has its own labels of trabecular bone: the region's mean is compared with theirs.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from benchmarks.real_series import DATA, WITH_REFERENCE, ct_path
from benchmarks.true_masks import true_segmentation
from models.registry import load_segmenter
from osteo_core.density.roi import measure_levels
from osteo_core.imaging.nifti import read_nifti_labels
from osteo_core.outcomes import Exclusion, ExclusionCode
from osteo_core.records import Measurement, Segmentation, Volume
from osteo_core.terms import MEASURED_LEVELS, Level
from training.real import read_ct

ALLOWED_HU = 5.0
#: Labels of the L2 crop that make up its vertebral body (according to its JSON file).
_TRABECULAR, _CORTICAL = 1, 2
#: Cortex raises the values this far into the label of trabecular bone: 106 mg/cm3 in its outermost mm, 59 at 3 mm.
_RIM_MM = 2.0
_CROP = "verse004_L2_calibrated"


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One level of one series: median HU with either mask, and the findings against the level."""

    series: str
    level: str
    own_hu: float
    reference_hu: float
    sd_hu: float
    own_exclusion: str
    reference_exclusion: str

    @property
    def difference_hu(self) -> float:
        """Own minus reference."""
        return self.own_hu - self.reference_hu


def compare(name: str) -> list[Compared]:
    """Levels L1-L4 of one labelled series that are whole in both masks."""
    volume = read_ct(ct_path(name))
    labels, geometry = read_nifti_labels(DATA / "labels" / "bodies" / f"{name}.nii.gz")
    reference = _measured(volume, true_segmentation(labels.astype(np.uint8), geometry))
    segmented = load_segmenter().segment(volume)
    if isinstance(segmented, Exclusion):
        raise SystemExit(f"{name}: {segmented.sentence}")
    own = _measured(volume, segmented)
    rows = []
    for level in MEASURED_LEVELS:
        pair = own.get(level), reference.get(level)
        if pair[0] is None or pair[1] is None or pair[0].median_hu is None or pair[1].median_hu is None:
            continue
        rows.append(
            Compared(
                series=name,
                level=level.name,
                own_hu=pair[0].median_hu,
                reference_hu=pair[1].median_hu,
                sd_hu=pair[1].sd_hu or 0.0,
                own_exclusion=_reason(pair[0]),
                reference_exclusion=_reason(pair[1]),
            )
        )
    return rows


def _measured(volume: Volume, segmentation: Segmentation) -> dict[Level, Measurement]:
    found = {m.level: m for m in measure_levels(volume, segmentation)}
    cut = ExclusionCode.LEVEL_CUT
    return {n: m for n, m in found.items() if m.exclusion is None or m.exclusion.code is not cut}


def _reason(measurement: Measurement) -> str:
    return measurement.exclusion.code.value if measurement.exclusion else ""


def calibrated_crop() -> dict[str, float]:
    """Mean vBMD (mg/cm3) of our region in the L2 crop, and of the crop's own trabecular label."""
    crop = read_ct(DATA / "labels" / "pairs" / f"{_CROP}_mgcc.nii.gz")
    values, geometry = crop.voxels_hu, crop.geometry
    labels, _ = read_nifti_labels(DATA / "labels" / f"{_CROP}_seg.nii.gz")
    body = np.isin(labels, (_TRABECULAR, _CORTICAL))
    segmentation = true_segmentation(np.where(body, Level.L2, 0).astype(np.uint8), geometry)
    # The crop ends at the vertebra, so its outline touches the border without being cut.
    whole = replace(segmentation, levels=tuple(replace(found, cut="") for found in segmentation.levels))
    (measured,) = measure_levels(Volume(voxels_hu=values.astype(np.float32), geometry=geometry), whole)
    trabecular = labels == _TRABECULAR
    core = ndimage.distance_transform_edt(trabecular, sampling=geometry.spacing_mm) > _RIM_MM
    return {
        "own_mean": measured.mean_hu or float("nan"),
        "own_median": measured.median_hu or float("nan"),
        "label_mean": float(values[trabecular].mean()),
        "label_median": float(np.median(values[trabecular])),
        "label_without_rim_mean": float(values[core].mean()),
        "label_without_rim_median": float(np.median(values[core])),
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    as_json = parser.parse_args().json
    rows = [row for name in WITH_REFERENCE for row in compare(name)]
    counted = [row for row in rows if not row.reference_exclusion]
    found = {
        "levels": len(rows),
        "levels_that_count": len(counted),
        "largest_difference_hu": max(abs(row.difference_hu) for row in counted),
        "within_5_hu": sum(abs(row.difference_hu) <= ALLOWED_HU for row in counted),
        "same_judgement": sum(row.own_exclusion == row.reference_exclusion for row in rows),
        "crop_l2_mg_cm3": calibrated_crop(),
    }
    if as_json:
        rows_out = [{**vars(row), "difference_hu": row.difference_hu} for row in rows]
        print(json.dumps({"rows": rows_out, "summary": found}, indent=1))
        return
    for row in rows:
        why = f"  own: {row.own_exclusion or 'counts'}, reference: {row.reference_exclusion or 'counts'}"
        print(
            f"{row.series:10s} {row.level}  {row.own_hu:6.1f} {row.reference_hu:6.1f}  {row.difference_hu:+5.1f}{why}"
        )
    for name, value in found.items():
        print(f"{name:24s} {value}")


if __name__ == "__main__":
    main()
