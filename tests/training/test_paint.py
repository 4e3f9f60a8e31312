"""A painted tissue has HU as given by physics, within the differences between patients and voltages."""

from __future__ import annotations

import numpy as np
import pytest

from osteo_core.simulate.physics import Beam, tissue_hu, trabecular_hu
from training.cases import POSTERIOR
from training.materials import Material
from training.paint import bone_draw, paint, soft_table
from training.sample import Patch

SHAPE = (24, 24, 24)


def patch(material: Material, *, part: int = 0, depth_mm: float = 0.0) -> Patch:
    """A block of one material."""
    return Patch(
        part=np.full(SHAPE, part, dtype=np.uint8),
        material=np.full(SHAPE, int(material), dtype=np.uint8),
        depth_mm=np.full(SHAPE, depth_mm, dtype=np.float32),
    )


@pytest.mark.parametrize("kvp", [80, 100, 120, 140])
@pytest.mark.parametrize(
    ("material", "tissue"),
    [
        (Material.FAT, "adipose"),
        (Material.MUSCLE, "muscle"),
        (Material.BLOOD, "blood"),
        (Material.LIVER, "liver"),
        (Material.OUTSIDE, "air"),
    ],
)
def test_the_range_of_a_soft_tissue_holds_what_physics_gives(kvp: int, material: Material, tissue: str) -> None:
    drawn = [soft_table(np.random.default_rng(seed))[int(material)] for seed in range(200)]
    assert min(drawn) - 2 <= tissue_hu(tissue, Beam(filtration="reference", kvp=kvp)) <= max(drawn) + 2


@pytest.mark.parametrize("ha_mg_cm3", [20.0, 80.0, 180.0])
def test_the_range_of_trabecular_bone_holds_what_physics_gives(ha_mg_cm3: float) -> None:
    drawn = [bone_draw(np.random.default_rng(seed)).trabecular_hu for seed in range(200)]
    assert min(drawn) <= trabecular_hu(ha_mg_cm3, 0.5, Beam(filtration="reference", kvp=120)) <= max(drawn)


@pytest.mark.parametrize("material", [Material.FAT, Material.LIVER, Material.SPLEEN])
def test_a_painted_block_has_the_hu_of_its_patient(material: Material) -> None:
    for seed in range(5):
        table = soft_table(np.random.default_rng(seed))
        painted = paint(np.random.default_rng(seed), patch(material), step_mm=1.25)
        assert np.median(painted) == pytest.approx(table[int(material)], abs=12.0)


def test_bone_near_its_surface_is_denser_than_inside() -> None:
    for seed in range(5):
        rim, core = (
            paint(np.random.default_rng(seed), patch(Material.BONE, part=POSTERIOR + 1, depth_mm=depth), step_mm=1.25)
            for depth in (0.1, 12.0)
        )
        assert np.median(rim) > np.median(core) + 80
