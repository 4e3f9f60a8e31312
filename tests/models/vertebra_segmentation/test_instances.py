"""From one mask of bodies to single ones: bridges are separated, holes and fragments are not bodies."""

from __future__ import annotations

import numpy as np
import pytest

from models.vertebra_segmentation.instances import split_bodies

STEP = 1.25


def column(heights: list[float], *, gap_mm: float = 6.0, half_mm: float = 17.0) -> tuple[np.ndarray, list[float]]:
    """Boxes of the given heights stacked along z with gaps, as a probability, and their centres in mm."""
    total = sum(heights) + gap_mm * (len(heights) + 1)
    body = np.zeros((48, 48, int(total / STEP) + 1), dtype=np.float32)
    z, centres = gap_mm, []
    half = int(half_mm / STEP)
    for height in heights:
        body[24 - half : 24 + half, 24 - half : 24 + half, int(z / STEP) : int((z + height) / STEP)] = 0.95
        centres.append(z + height / 2)
        z += height + gap_mm
    return body, centres


def no_disc(body: np.ndarray) -> np.ndarray:
    """A probability of disc that is 0 everywhere."""
    return np.zeros_like(body)


def found_centres(instances: np.ndarray) -> list[float]:
    return [float(np.argwhere(instances == n)[:, 2].mean() * STEP) for n in np.unique(instances) if n]


def test_separate_bodies_stay_separate() -> None:
    body, centres = column([25, 26, 27, 28])
    assert found_centres(split_bodies(body, no_disc(body), step_mm=STEP)[0]) == pytest.approx(centres, abs=2.0)


def test_a_bridge_between_two_bodies_is_parted() -> None:
    body, centres = column([25, 26, 27])
    body[10:16, 20:28, 20:60] = 0.9
    assert found_centres(split_bodies(body, no_disc(body), step_mm=STEP)[0]) == pytest.approx(centres, abs=2.0)


def test_a_hole_is_filled_and_a_crushed_body_is_kept() -> None:
    body, centres = column([25, 10, 26])
    body[20:28, 20:28, 8:20] = 0.1
    instances, _ = split_bodies(body, no_disc(body), step_mm=STEP)
    assert found_centres(instances) == pytest.approx(centres, abs=2.0)
    assert (instances[20:28, 20:28, 8:20] > 0).mean() > 0.5


def test_fragments_and_nothing_are_no_bodies() -> None:
    body = np.zeros((40, 40, 40), dtype=np.float32)
    assert split_bodies(body, no_disc(body), step_mm=STEP)[0].max() == 0
    body[5:11, 5:11, 5:11] = 0.9
    assert split_bodies(body, no_disc(body), step_mm=STEP)[0].max() == 0


@pytest.mark.parametrize("count", [2, 3])
def test_fused_bodies_are_cut_at_their_discs(count: int) -> None:
    body, centres = column([26.0] * count, gap_mm=5.0)
    apart = body[24, 24] == 0
    apart[:3] = apart[-3:] = False
    body[8:40, 8:40, apart] = 0.7  # bridged over the whole area: no erosion separates them
    disc = np.where(apart, 0.3, 0.0).astype(np.float32) * np.ones_like(body)
    assert found_centres(split_bodies(body, disc, step_mm=STEP)[0]) == pytest.approx(centres, abs=4.0)


def test_where_most_pieces_are_fused_the_usual_body_is_still_one() -> None:
    body, centres = column([26.0] * 5, gap_mm=5.0)
    apart = body[24, 24] == 0
    apart[:3] = apart[-3:] = False
    middle = (np.arange(len(apart)) * STEP > centres[1]) & (np.arange(len(apart)) * STEP < centres[3])
    apart &= ~middle  # groups of two, one, two
    body[8:40, 8:40, apart] = 0.7
    disc = np.where(apart, 0.3, 0.0).astype(np.float32) * np.ones_like(body)
    assert sorted(found_centres(split_bodies(body, disc, step_mm=STEP)[0])) == pytest.approx(centres, abs=4.0)


def test_one_body_is_not_cut() -> None:
    body, centres = column([32.0], half_mm=19.0)
    assert found_centres(split_bodies(body, no_disc(body), step_mm=STEP)[0]) == pytest.approx(centres, abs=2.0)


def test_cement_within_a_shell_is_part_of_its_body() -> None:
    body, centres = column([26.0, 27.0, 28.0, 29.0])
    middle = int(centres[1] / STEP)
    body[13:35, 13:35, middle - 7 : middle + 7] = 0.05
    instances, _ = split_bodies(body, no_disc(body), step_mm=STEP)
    assert found_centres(instances) == pytest.approx(centres, abs=2.0)
    assert instances[24, 24, middle] > 0


def test_a_body_torn_by_cement_is_one_body() -> None:
    body, centres = column([26.0, 27.0, 28.0, 29.0])
    cement = slice(int((centres[1] - 5) / STEP), int((centres[1] + 5) / STEP))
    body[:, :, cement] = 0.05
    assert found_centres(split_bodies(body, no_disc(body), step_mm=STEP)[0]) == pytest.approx(centres, abs=3.0)
