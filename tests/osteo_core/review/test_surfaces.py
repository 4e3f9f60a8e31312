"""Surfaces: closed, facing outwards, of the right volume, in the right place, within the limit of triangles."""

from __future__ import annotations

import json

import numpy as np
import pytest

from osteo_core.records import Geometry
from osteo_core.review.shown import Shown
from osteo_core.review.surfaces import BONE, Surface, pack, surfaces_of
from osteo_core.terms import Level

SPACING = np.array([0.9, 0.9, 2.0])


def ball(radius_mm: float = 18.0) -> Shown:
    shape = (70, 70, 34)
    affine = np.eye(4)
    affine[:3, :3] = np.diag(SPACING)
    affine[:3, 3] = (-20, 30, 400)
    geometry = Geometry(shape=shape, affine_lps=affine)
    middle = geometry.to_world_mm(np.array([35.0, 35.0, 17.0]))
    index = np.stack(np.meshgrid(*[np.arange(float(n)) for n in shape], indexing="ij"), axis=-1)
    away = np.linalg.norm(geometry.to_world_mm(index) - middle, axis=-1)
    labels = np.where(away < radius_mm, int(Level.L2), 0).astype(np.uint8)
    hu = np.where((away > 22) & (away < 27), 400, 0).astype(np.int16)
    return Shown(voxels_hu=hu, labels=labels, geometry=geometry, is_whole_resolution=True)


def volume_ml(surface: Surface) -> float:
    a, b, c = (surface.vertices_mm[surface.triangles[:, n]] for n in range(3))
    return float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum()) / 6000


def test_a_ball_has_its_volume_and_faces_outwards() -> None:
    shown = ball()
    body = next(s for s in surfaces_of(shown) if s.name == "L2")
    true_ml = 4 / 3 * np.pi * 18.0**3 / 1000
    assert volume_ml(body) == pytest.approx(true_ml, rel=0.06)
    middle = shown.geometry.to_world_mm(np.array([35.0, 35.0, 17.0]))
    away = body.vertices_mm - middle
    assert np.abs(np.linalg.norm(away, axis=1) - 18.0).max() < 2.0
    assert ((away * body.normals).sum(axis=1) > 0).mean() > 0.99
    edges = np.sort(
        np.concatenate([body.triangles[:, [0, 1]], body.triangles[:, [1, 2]], body.triangles[:, [2, 0]]]), 1
    )
    assert set(np.unique(edges, axis=0, return_counts=True)[1]) == {2}, "the surface is not closed"


def test_all_together_keep_the_limit_and_bone_comes_last() -> None:
    found = surfaces_of(ball(), most=6000)
    assert sum(len(s.triangles) for s in found) <= 6000
    assert [s.name for s in found] == ["L2", BONE]


def test_nothing_outlined_has_no_surface() -> None:
    shown = ball()
    empty = Shown(
        voxels_hu=shown.voxels_hu, labels=np.zeros_like(shown.labels), geometry=shown.geometry, is_whole_resolution=True
    )
    assert surfaces_of(empty) == []


def test_the_file_says_what_it_holds() -> None:
    found = surfaces_of(ball())
    content = pack(found)
    length = int(np.frombuffer(content[4:8], "<u4")[0])
    header = json.loads(content[8 : 8 + length])
    size = sum(16 * one["vertices"] + 12 * one["triangles"] for one in header["surfaces"])
    assert content[:4] == b"OSM1"
    assert len(content) == 8 + length + size
    first = np.frombuffer(content[8 + length :], "<f4", 3 * header["surfaces"][0]["vertices"]).reshape(-1, 3)
    assert np.allclose(first + header["origin_lps_mm"], found[0].vertices_mm, atol=1e-3)
