"""The peer's network matches its plan, and times are booked on the stage that spent them."""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from itertools import pairwise
from types import ModuleType

import pytest

from benchmarks import segmentation_cost, totalsegmentator


def test_stages_follow_the_rule_for_the_patch() -> None:
    assert totalsegmentator.strides((112, 112, 128)) == [(1, 1, 1)] + [(2, 2, 2)] * 4
    assert totalsegmentator.strides((128, 128, 128)) == [(1, 1, 1)] + [(2, 2, 2)] * 5
    assert totalsegmentator.strides((80, 192, 160)) == [(1, 1, 1)] + [(2, 2, 2)] * 4 + [(1, 2, 2)]


def test_the_network_has_the_plan_s_weights() -> None:
    """By hand: pairs of 27-weight convolutions with norm, doubling convolutions upwards, one head with 118 classes."""
    features = (32, 64, 128, 256, 320)
    below, above = (1, *features[:-1]), features
    down = sum(27 * (i * o + o * o) + 4 * o for i, o in zip(below, above, strict=True))
    up = sum(8 * low * o + 27 * (2 * o * o + o * o) + 4 * o for o, low in pairwise(features))
    expected = down + up + 32 * 118 + 118
    assert sum(p.numel() for p in totalsegmentator.build().parameters()) == expected


@pytest.mark.parametrize(("shape", "count"), [((112, 112, 128), 1), ((112, 130, 130), 4), ((168, 112, 192), 4)])
def test_windows_overlap_by_half_and_reach_every_end(shape: tuple[int, ...], count: int) -> None:
    starts = totalsegmentator.window_starts(shape)
    assert len(starts) == count
    for axis, (size, edge) in enumerate(zip(shape, totalsegmentator.PATCH, strict=True)):
        places = sorted({start[axis] for start in starts})
        assert places[0] == 0
        assert places[-1] == size - edge
        assert all(b - a <= edge / 2 for a, b in pairwise(places))


def test_time_is_booked_in_every_module_that_took_the_function(monkeypatch: pytest.MonkeyPatch) -> None:
    def busy() -> str:
        until = time.process_time() + 0.02
        while time.process_time() < until:
            pass
        return "done"

    module = ModuleType("models.made_up")
    module.busy = busy
    monkeypatch.setitem(sys.modules, "models.made_up", module)
    spent: dict[str, float] = defaultdict(float)
    segmentation_cost._timed_everywhere(busy, "resampling", spent)
    assert module.busy() == "done"
    assert 0.02 <= spent["resampling"] < 0.2


def test_the_ratio_is_theirs_over_ours_at_each_stage() -> None:
    own = {"total_s": 2.0, "stages": {"resampling": 0.5, "coarse network": 0.25, "fine network": 0.75, "decode": 0.5}}
    own |= {
        "peak_memory_mb": 900.0,
        "memory_before_mb": 700.0,
        "shape": [512, 512, 300],
        "levels": [],
        "bfloat16": False,
    }
    other = {"total_s": 40.0, "stages": {"resampling": 4.0, "network": 35.0, "decode": 1.0}, "peak_memory_mb": 2000.0}
    found = segmentation_cost.compare(own, {**other, "windows": 4, "windows_timed": 2}, None)
    assert (found["ratio"], found["ours_network_and_resampling_cpu_s"]) == (20.0, 1.5)
    assert {line["stage"]: line["ratio"] for line in found["stages"]} == {"resampling": 8, "network": 35, "decode": 2}
