"""A stored result in its state before calibration, so that it can be recalibrated without segmenting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from db.records import caution_of, estimate_of, segmented_level_of, series_of
from osteo_core.density.contrast import phase_of_vessels
from osteo_core.outcomes import Caution, CautionCode, Exclusion, ExclusionCode
from osteo_core.pipeline import MeasuredSeries
from osteo_core.records import (
    CalibrationTissues,
    Geometry,
    Measurement,
    Segmentation,
    TissueSample,
)
from osteo_core.terms import Anchor, ContrastPhase, Level, Step, SuggestedCause

#: Steps before the calibration: their findings stay.
_MEASURED = (Step.FIND, Step.READ, Step.SEGMENT, Step.MEASURE)
#: The order in which tissues are looked for; their rows have none, and sums and sentences follow it.
_TISSUES = ("air", "fat", "deep fat", "muscle", "blood", "cava", "kidney", "urine", "cortical", "dense bone")
_SAME = (
    "voxels",
    "volume_ml",
    "roi_voxels",
    "roi_volume_ml",
    "mean_hu",
    "median_hu",
    "sd_hu",
    "anterior_height_mm",
    "middle_height_mm",
    "posterior_height_mm",
    "fracture_grade",
    "height_loss",
    "endplate_depression",
    "confidence",
)


def measured_of(row: Mapping[str, Any]) -> MeasuredSeries | None:
    """A row of the query ``stored_results`` in its state before calibration; None if it was not segmented.

    Its labels (I, J, K) are all 0: the mask stays in the store, and an assessment needs only its measurements.
    """
    result, outlined = row["result"], row["outlined"]
    if not outlined:
        return None
    geometry = Geometry(shape=tuple(result["shape"]), affine_lps=np.reshape(result["affine_lps"], (4, 4)))
    excluded = exclusions_of(row)
    return MeasuredSeries(
        series=series_of(row["header"]),
        geometry=geometry,
        segmentation=_segmentation(outlined, geometry),
        measurements=tuple(_measurement(one, excluded) for one in row["measurements"] or ()),
        tissues=_tissues(row["tissues"] or (), result["water_path_cm"]),
        phase=ContrastPhase(result["contrast_phase"]),
        cautions=tuple(
            caution
            for caution in map(caution_of, row["cautions"] or ())
            if caution.step in _MEASURED and caution.code is not CautionCode.SIMULATED  # the assessment adds it
        ),
        model_hash=result["model_hash"],
    )


def cautions_of(row: Mapping[str, Any]) -> tuple[Caution, ...]:
    """All cautions of a stored result."""
    return tuple(map(caution_of, row["cautions"] or ()))


def exclusions_of(row: Mapping[str, Any]) -> tuple[Exclusion, ...]:
    """All exclusions of a stored result, of the series and of its levels."""
    return tuple(
        Exclusion(
            code=ExclusionCode(one["code"]),
            step=Step(one["step"]),
            found=one["found"] or "",
            limit=one["limit"] or "",
            level=None if one["level"] is None else Level(one["level"]),
        )
        for one in row["exclusions"] or ()
    )


def _tissues(rows: Sequence[Mapping[str, Any]], water_path_cm: float | None) -> CalibrationTissues:
    samples = tuple(
        TissueSample(name=one["name"], mean_hu=one["mean_hu"], sd_hu=one["sd_hu"], area_mm2=one["area_mm2"])
        for one in sorted(rows, key=lambda row: _TISSUES.index(row["name"]))
    )
    hu = {sample.name: sample.mean_hu for sample in samples}
    phase = phase_of_vessels(*(hu.get(name) for name in ("blood", "cava", "kidney", "urine", "muscle")))
    return CalibrationTissues(samples=samples, contrast_phase=phase, water_path_cm=water_path_cm)


def _segmentation(rows: Sequence[Mapping[str, Any]], geometry: Geometry) -> Segmentation:
    """Rows of one result's outlines; a row without a level means that nothing was found."""
    about = rows[0]
    return Segmentation(
        labels=np.broadcast_to(np.zeros(1, np.uint8), geometry.shape),
        geometry=geometry,
        levels=tuple(segmented_level_of(one) for one in rows if one["level"] is not None),
        anchor=Anchor(about["anchor"]),
        engine=about["engine"],
        model_hash=about["model_hash"],
        seconds=about["seconds"] or 0.0,
    )


def _measurement(row: Mapping[str, Any], excluded: Sequence[Exclusion]) -> Measurement:
    level = Level(row["level"])
    return Measurement(
        level=level,
        regressed_mg_cm3=estimate_of(row, "regressed"),
        suggested_cause=SuggestedCause(row["suggested_cause"]),
        exclusions=tuple(one for one in excluded if one.level == level),
        **{name: row[name] for name in _SAME},
    )
