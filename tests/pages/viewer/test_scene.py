"""The 3D scene: the bodies alone, on a small even grid, as one page that asks nobody else."""

from __future__ import annotations

import re

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from osteo_core.errors import UsageError
from pages.ui.viewer import scene


@pytest.fixture
def ct_and_mask() -> tuple[sitk.Image, sitk.Image]:
    """A body of 40x30x30 mm at 200 HU in soft tissue, on a grid that lies oblique."""
    voxels = np.full((60, 80, 80), 40, dtype=np.int16)
    labels = np.zeros(voxels.shape, dtype=np.uint8)
    labels[25:35, 20:50, 20:60] = 21
    voxels[labels > 0] = 400
    images = [sitk.GetImageFromArray(array) for array in (voxels, labels)]
    turn = np.deg2rad(10)
    for image in images:
        image.SetSpacing((1.0, 1.0, 3.0))
        image.SetOrigin((-30.0, 12.0, 400.0))
        image.SetDirection((np.cos(turn), -np.sin(turn), 0, np.sin(turn), np.cos(turn), 0, 0, 0, 1))
    return images[0], images[1]


def test_the_grid_holds_the_body_and_nothing_else_is_bright(ct_and_mask: tuple[sitk.Image, sitk.Image]) -> None:
    voxels, labels = scene.reduce_to_bodies(*ct_and_mask)
    assert max(labels.GetSize()) <= 96
    middle = labels.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in labels.GetSize()])
    assert middle == pytest.approx((0.0, 0.0, 0.0), abs=1e-6)
    assert labels.GetDirection() == (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
    inside = sitk.GetArrayFromImage(labels) == 21
    volume_ml = inside.sum() * np.prod(labels.GetSpacing()) / 1000
    assert volume_ml == pytest.approx(10 * 30 * 40 * 3 / 1000, rel=0.08)
    assert set(np.unique(sitk.GetArrayFromImage(voxels)[~inside])) == {-300}
    assert np.median(sitk.GetArrayFromImage(voxels)[inside]) == 400


def test_an_empty_mask_is_refused(ct_and_mask: tuple[sitk.Image, sitk.Image]) -> None:
    ct, mask = ct_and_mask
    with pytest.raises(UsageError, match="the mask is empty: there is no vertebral body to show in 3D"):
        scene.reduce_to_bodies(ct, mask * 0)


@pytest.mark.slow
def test_the_page_names_only_addresses_of_this_server(ct_and_mask: tuple[sitk.Image, sitk.Image]) -> None:
    page = scene.scene_page(*scene.reduce_to_bodies(*ct_and_mask))
    assert re.findall(r"</i>(\w+)</span>", page) == ["L2"]
    assert page.count("application/vnd.jupyter.widget-view+json") == 1
    assert set(re.findall(r'src="([^"]+)"', page)) == {"/api/asset/require.js", "/api/asset/embed-amd.js"}
    assert "http" not in re.sub(r'<script type="application/vnd.*', "", page)
