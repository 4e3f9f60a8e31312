"""A chain is numbered as a whole: one unusual body cannot shift it, and a missing one is counted."""

from __future__ import annotations

import numpy as np
import pytest

from models.spine_localiser.network import CLASSES
from models.vertebra_segmentation.numbering import (
    BEYOND,
    Chain,
    SacralEvidence,
    class_of,
    is_usual,
    number,
    places,
    votes_break,
)
from osteo_core.terms import Level

LENGTH = 25.0


def votes(levels: list[int], *, sure: float = 0.8) -> np.ndarray:
    """Class probabilities (N, 16) that favour the given levels."""
    out = np.full((len(levels), len(CLASSES)), (1 - sure) / (len(CLASSES) - 1))
    for row, level in enumerate(levels):
        out[row, class_of(level)] = sure
    return out


def centres(n: int, *, step: float = 33.0, missing: int | None = None) -> np.ndarray:
    """Centres (N, 3) top down; a body is left out before index ``missing``."""
    z = -step * np.arange(n, dtype=float)
    if missing is not None:
        z[missing:] -= step
    return np.stack([np.zeros(n), np.zeros(n), z], -1)


def numbered(probability: np.ndarray, at: np.ndarray, *evidence: SacralEvidence, rib_mm: float | None = None) -> Chain:
    """The numbered chain of bodies 25 mm long."""
    return number(probability, at, np.full(len(at), LENGTH), *evidence, rib_mm=rib_mm)


def test_a_clear_chain() -> None:
    chain = numbered(votes([18, 19, 20, 21, 22]), centres(5))
    assert chain.levels == (Level.T11, Level.T12, Level.L1, Level.L2, Level.L3)
    assert chain.probability > 0.99


@pytest.mark.parametrize("odd", range(5))
def test_one_shifted_vote_does_not_shift_the_chain(odd: int) -> None:
    levels = [19, 20, 21, 22, 23]
    wrong = list(levels)
    wrong[odd] += 1
    assert numbered(votes(wrong), centres(5)).levels == tuple(levels)


def test_a_missing_body_is_counted() -> None:
    chain = numbered(votes([19, 20, 22, 23]), centres(4, missing=2))
    assert chain.levels == (19, 20, 22, 23)
    ((at, share),) = places(centres(4, missing=2), np.full(4, LENGTH))
    assert at.tolist() == [0, 1, 3, 4]
    assert share > 0.9


def test_a_gap_that_may_hide_a_crushed_body_is_read_both_ways() -> None:
    at = centres(5)
    at[2:, 2] -= 0.45 * 33.0
    assert sorted(offsets.tolist() for offsets, _ in places(at, np.full(5, LENGTH))) == [
        [0, 1, 2, 3, 4],
        [0, 1, 3, 4, 5],
    ]
    assert numbered(votes([19, 20, 22, 23, 24]), at).levels == (19, 20, 22, 23, 24)
    assert numbered(votes([20, 21, 22, 23, 24]), at).levels == (20, 21, 22, 23, 24)


def test_a_sacral_body_below_l5_is_not_a_lumbar_level() -> None:
    assert numbered(votes([22, 23, 24, 26]), centres(4)).levels == (22, 23, 24, BEYOND)


def test_without_any_hint_the_chain_is_unsure() -> None:
    flat = np.full((3, len(CLASSES)), 1 / len(CLASSES))
    assert numbered(flat, centres(3)).probability < 0.3


def test_two_equal_hypotheses_share_the_probability() -> None:
    both = (votes([20, 21, 22]) + votes([21, 22, 23])) / 2
    assert numbered(both, centres(3)).probability == pytest.approx(0.5, abs=0.05)


def test_no_body_gives_no_level() -> None:
    assert numbered(np.zeros((0, len(CLASSES))), np.zeros((0, 3))).levels == ()


def test_a_sacrum_right_below_makes_the_lowest_body_l5() -> None:
    torn = (votes([20, 21, 22, 23]) + votes([21, 22, 23, 24])) / 2
    below = numbered(torn, centres(4), SacralEvidence(free=(1.0,) * 4, below_ml=60.0))
    assert below.levels == (21, 22, 23, 24)
    assert below.probability > 0.85


def test_a_body_that_the_fine_network_calls_free_is_not_sacrum() -> None:
    torn = votes([21, 22, 23, 24]) * 0.45 + votes([22, 23, 24, 26]) * 0.55
    assert numbered(torn, centres(4)).levels[-1] == BEYOND
    assert numbered(torn, centres(4), SacralEvidence(free=(0.98,) * 4, below_ml=0.0)).levels[-1] == Level.L5


def test_the_lowest_rib_decides_between_two_equal_hypotheses() -> None:
    both = (votes([18, 19, 20, 21]) + votes([19, 20, 21, 22])) / 2
    at = centres(4)
    upper, lower = (numbered(both, at, rib_mm=float(at[n, 2]) - 10.0) for n in (0, 1))
    assert (upper.levels[0], lower.levels[0]) == (Level.T12, Level.T11)
    assert min(upper.probability, lower.probability) > 0.7


def test_a_rib_at_odds_with_a_clear_chain_makes_it_less_sure() -> None:
    at, clear = centres(5), votes([18, 19, 20, 21, 22])
    agreeing = numbered(clear, at, rib_mm=float(at[1, 2]) - 10.0)
    at_odds = numbered(clear, at, rib_mm=float(at[2, 2]) - 10.0)
    assert agreeing.levels == at_odds.levels
    assert agreeing.probability > at_odds.probability


def test_a_rib_of_a_body_above_the_chain_is_placed_by_the_usual_step() -> None:
    both = (votes([20, 21, 22]) + votes([21, 22, 23])) / 2
    at = centres(3)
    assert numbered(both, at, rib_mm=float(at[0, 2]) + 33.0 - 10.0).levels[0] == Level.L1


@pytest.mark.parametrize(
    ("from_ribs", "from_sacrum"),
    [
        ([18, 19, 20, 21, 22, 23, 24, 24], [17, 18, 19, 20, 21, 22, 23, 24]),
        ([18, 19, 20, 21, 22, 23], [19, 20, 21, 22, 23, 24]),
    ],
    ids=["six lumbar bodies", "four lumbar bodies"],
)
def test_ribs_and_sacrum_that_leave_no_five_levels_make_the_chain_unsure(
    from_ribs: list[int], from_sacrum: list[int]
) -> None:
    at = centres(len(from_ribs))
    below = SacralEvidence(free=(1.0,) * len(from_ribs), below_ml=60.0)
    torn = (votes(from_ribs) + votes(from_sacrum)) / 2
    assert numbered(torn, at, below, rib_mm=float(at[1, 2]) - 10.0).probability < 0.65


@pytest.mark.parametrize(
    ("levels", "rib_of", "usual"),
    [
        ([18, 19, 20, 21, 22, 23, 24], 1, True),
        ([18, 19, 20, 21, 22, 23, 24, BEYOND], 1, True),
        ([18, 19, 20, 21, 22, 23, 24], None, True),
        ([20, 21, 22, 23, 24], None, True),
        ([18, 19, 20, 21, 22, 23, 24], 2, False),
        ([18, 19, 20, 21, 22, 23, 24], 0, False),
        ([19, 20, 21, 22, 23, 24, 25], 0, False),
        ([19, 20, 21, 22, 23, BEYOND], 0, False),
    ],
)
def test_five_lumbar_levels_below_the_lowest_rib_are_usual(levels: list[int], rib_of: int | None, usual: bool) -> None:
    at = centres(len(levels))
    rib_mm = None if rib_of is None else float(at[rib_of, 2]) - 10.0
    assert is_usual(levels, at, votes(levels), rib_mm=rib_mm) is usual


FIVE = [19, 20, 21, 22, 23, 24]


@pytest.mark.parametrize(
    ("levels", "free", "below_ml", "usual"),
    [
        (FIVE, (1.0,) * 6, 60.0, True),
        (FIVE, (1.0,) * 6, 0.0, True),
        ([*FIVE, BEYOND], (*(1.0,) * 6, 0.8), 60.0, True),
        ([*FIVE, BEYOND], (1.0,) * 7, 60.0, False),
        (FIVE, (*(1.0,) * 5, 0.8), 60.0, False),
        (FIVE[:-1], (1.0,) * 5, 60.0, False),
        (FIVE[:-1], (1.0,) * 5, 12.0, True),
    ],
    ids=[
        "L5 over the sacrum",
        "field of view that ends at L5",
        "S1 as a body",
        "a sixth body free of sacrum",
        "a piece of sacrum named L5",
        "L4 over the sacrum",
        "L4 where L5 is cut off",
    ],
)
def test_l5_and_no_other_body_lies_on_the_sacrum(
    levels: list[int], free: tuple[float, ...], below_ml: float, usual: bool
) -> None:
    evidence = SacralEvidence(free=free, below_ml=below_ml)
    assert is_usual(levels, centres(len(levels)), votes(levels), evidence) is usual


@pytest.mark.parametrize("at", [2, 3, 4])
@pytest.mark.parametrize("step", [-1, 1])
def test_votes_that_repeat_a_level_or_leave_one_out_are_unusual(at: int, step: int) -> None:
    seen = [level if n >= at else level + step for n, level in enumerate(FIVE)]
    assert votes_break(FIVE, votes(seen)) > 3
    assert not is_usual(FIVE, centres(6), votes(seen))


@pytest.mark.parametrize("shift", [-1, 0, 1])
def test_votes_that_are_off_by_one_everywhere_do_not_break(shift: int) -> None:
    assert votes_break(FIVE, votes([level + shift for level in FIVE])) < 0


@pytest.mark.parametrize("odd", range(6))
def test_one_odd_vote_is_no_break(odd: int) -> None:
    seen = list(FIVE)
    seen[odd] += 1
    assert is_usual(FIVE, centres(6), votes(seen))


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_short_chain_cannot_break(count: int) -> None:
    assert votes_break(FIVE[-count:], votes([22, 24, 20][:count])) == -np.inf


def test_bodies_beyond_l5_count_on_in_the_votes() -> None:
    assert votes_break([*FIVE, BEYOND, BEYOND], votes([*FIVE, BEYOND, BEYOND])) < 0


def test_a_long_body_takes_the_room_of_no_hidden_one() -> None:
    at, lengths = centres(5), np.full(5, LENGTH)
    at[4:, 2] -= 14.0
    lengths[4] += 28.0
    ((offsets, share),) = places(at, lengths)
    assert offsets.tolist() == [0, 1, 2, 3, 4]
    assert share > 0.98
