"""One phantom series opened by a reader."""

from __future__ import annotations

import numpy as np
import pytest

from osteo_core.pipeline import analyze_volume
from osteo_core.records import Segmentation, SeriesResult, Volume
from osteo_core.review.remeasure import ReviewCase
from osteo_core.review.shown import Shown, show_part
from osteo_core.settings import Settings
from tests.builders.reading import LEVELS, LOWERED, TORSO, Truth
from tests.builders.spines import BodySpec, SpineSpec, build_spine, segmentation_of
from tests.osteo_core.test_pipeline import SERIES


@pytest.fixture(scope="session")
def analyzed() -> tuple[Volume, Segmentation, SeriesResult]:
    bodies = tuple(BodySpec(level=level, trabecular_hu=LOWERED[level]) for level in LEVELS)
    volume, segmentation = build_spine(SpineSpec(bodies=bodies, noise_hu=10.0), TORSO, part_mm=3.0)
    return volume, segmentation, analyze_volume(SERIES, volume, segmenter=Truth(segmentation), settings=Settings())


@pytest.fixture(scope="session")
def shown(analyzed) -> Shown:
    volume, segmentation, _ = analyzed
    return show_part(volume.voxels_hu, segmentation.labels, volume.geometry)


@pytest.fixture
def case(analyzed, shown: Shown) -> ReviewCase:
    volume, _, result = analyzed
    model = segmentation_of(np.asarray(shown.labels), shown.geometry)
    assert result.tissues is not None
    return ReviewCase(
        series=SERIES,
        volume=Volume(voxels_hu=shown.voxels_hu, geometry=shown.geometry),
        model=model,
        source_geometry=volume.geometry,
        tissues=result.tissues,
        phase=result.contrast_phase,
        cautions=result.cautions,
    )
