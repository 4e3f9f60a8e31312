"""Orders the series of a study: the criteria in order, and the one that decided, in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from osteo_core.limits.acquisition import SERIES_TRIED, THICKNESS_PREFERRED
from osteo_core.outcomes import Exclusion, ExclusionCode
from osteo_core.records import Found, Series
from osteo_core.terms import KernelGroup, Plane, Status, Step, names_agent

#: A series this much shorter than the study's longest may miss the lumbar spine.
_LONG_ENOUGH_SHARE = 0.6
#: Coverages within this of each other count as the same.
_COVERAGE_ROUNDING_MM = 20.0

#: Parts of words in descriptions, upper case: English, German, French, Italian, Spanish, Dutch, Swedish, Turkish,
#: Polish, Russian, Chinese, Japanese and Korean.
_TRUNK_WORDS = (
    *("ABD", "PELV", "LUMB", "SPINE", "LWS", "CAP", "TAP", "WHOLE", "TRUNK", "RUMPF", "BAUCH", "BECKEN", "BASSIN"),
    *("ADDOM", "LOMB", "BACINO", "BUIK", "BEKKEN", "BUKEN", "BATIN", "KARIN", "BRZUCH", "MIEDNIC"),
    *("БРЮШ", "ЖИВОТ", "ТАЗ", "ПОЯСНИЧ", "腹", "腰", "盆", "盤", "복부", "골반", "요추"),
)
_ELSEWHERE_WORDS = (
    *("CHEST", "THORA", "TORAX", "TÓRAX", "TORAC", "TORAKS", "LUNG", "POUMON", "POLMON", "PULM", "CARD", "HEART"),
    *("CORONARY", "EXTREM", "HEAD", "NECK", "BRAIN", "KOPF", "SCHÄDEL", "HALS", "CRANI", "CRÂNE", "CRÁNEO", "CABEZA"),
    *("HOOFD", "ГРУД", "ЛЕГК", "ГОЛОВ", "МОЗГ", "胸", "肺", "头", "頭", "颈", "頸", "흉부", "두부", "폐"),
)


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One eligible series, what its description says, and the longest coverage in its study (mm)."""

    series: Series
    words: str
    longest_mm: float


@dataclass(frozen=True, kw_only=True)
class Criterion:
    """Higher rank is better; ``reason`` says why the winner was chosen, ``against`` why the other was not."""

    rank: Callable[[Candidate], float]
    reason: str
    against: str


CRITERIA: tuple[Criterion, ...] = (
    Criterion(
        rank=lambda c: float(_is_original(c)),
        reason="original axial slices",
        against="only the other has original axial slices",
    ),
    Criterion(
        rank=lambda c: _region(c.words),
        reason="its description names the abdomen or spine",
        against="by its description, the other series is more likely to show the abdomen or spine",
    ),
    Criterion(
        rank=lambda c: float(_is_long_enough(c)),
        reason="the other covers too little of what was scanned",
        against="this one covers too little of what was scanned",
    ),
    Criterion(
        rank=lambda c: -float(c.series.kernel_group is KernelGroup.SHARP),
        reason="the other's kernel is sharp",
        against="the kernel of this one is sharp",
    ),
    Criterion(
        rank=lambda c: float(_is_native(c)),
        reason="no contrast declared",
        against="contrast is declared only for this one",
    ),
    Criterion(
        rank=lambda c: float(c.series.kernel_group is not KernelGroup.UNKNOWN),
        reason="its kernel is known",
        against="the kernel of this one is not known",
    ),
    Criterion(
        rank=lambda c: float(_is_thin(c)),
        reason=f"slices of at most {THICKNESS_PREFERRED.value:g} mm",
        against=f"only the other has slices of at most {THICKNESS_PREFERRED.value:g} mm",
    ),
    Criterion(
        rank=lambda c: round((c.series.coverage_mm or 0) / _COVERAGE_ROUNDING_MM),
        reason="longer coverage",
        against="the other covers more",
    ),
    Criterion(
        rank=lambda c: -(c.series.slice_thickness_mm or 99.0),
        reason="thinner slices",
        against="the other has thinner slices",
    ),
    Criterion(rank=lambda c: float(c.series.n_slices), reason="more slices", against="the other has more slices"),
)
#: Used when all criteria are equal.
_FIRST = Criterion(
    rank=lambda _: 0.0,
    reason="alike in all criteria, first in the order of its files",
    against="alike in all criteria, the other comes first in the order of the files",
)


def choose_preferred(
    series: Sequence[Series], words: Mapping[str, str]
) -> tuple[tuple[Series, ...], tuple[tuple[Series, Exclusion], ...]]:
    """The preferred series of each study with its reason, and the others with theirs, each with its rank.

    ``words``: series_key -> upper-case description. Ties are broken by stack and file
    order, so the choice is reproducible.
    """
    studies: dict[str, list[Series]] = {}
    for one in series:
        studies.setdefault(one.study_key, []).append(one)
    chosen, others = [], []
    for members in studies.values():
        first, left = _choose(members, words)
        chosen.append(first)
        others.extend(left)
    return tuple(chosen), tuple(others)


def next_of_study(found: Found, outcomes: Mapping[str, Status | None]) -> Found:
    """``found`` with the next series of each study whose series so far could not be measured, if it may be tried.

    ``outcomes``: series_key -> status; None or missing for a series not yet analyzed. At most ``SERIES_TRIED`` series
    of a study are analyzed.
    """
    failed: dict[str, int] = {}
    for one in found.series:
        is_failed = outcomes.get(one.series_key) not in (None, Status.MEASURED)
        failed[one.study_key] = failed.get(one.study_key, 0) + is_failed
    nexts, others = [], []
    for one, exclusion in found.excluded:
        is_next = one.preference_rank == failed.get(one.study_key, 0) + 1 <= SERIES_TRIED.value
        if is_next and exclusion.code is ExclusionCode.NOT_PREFERRED:
            nexts.append(one)
        else:
            others.append((one, exclusion))
    return replace(found, series=(*found.series, *nexts), excluded=tuple(others))


def _choose(members: Sequence[Series], words: Mapping[str, str]) -> tuple[Series, list[tuple[Series, Exclusion]]]:
    longest = max(s.coverage_mm or 0.0 for s in members)
    candidates = [Candidate(series=s, words=words.get(s.series_key, ""), longest_mm=longest) for s in members]
    ordered = sorted(candidates, key=lambda c: ([-criterion.rank(c) for criterion in CRITERIA], _place(c.series)))
    best, others = ordered[0], ordered[1:]
    reason = "the only eligible series of its study"
    if others:
        reason = f"{_decisive(best, others[0]).reason}; one of {len(members)} eligible series of its study"
    left = []
    for rank, other in enumerate(others, start=2):
        exclusion = Exclusion(code=ExclusionCode.NOT_PREFERRED, step=Step.FIND, found=_decisive(best, other).against)
        passed = replace(other.series, is_preferred=False, preference_reason=exclusion.sentence, preference_rank=rank)
        left.append((passed, exclusion))
    return replace(best.series, is_preferred=True, preference_reason=reason, preference_rank=1), left


def _decisive(best: Candidate, other: Candidate) -> Criterion:
    """The first criterion by which ``best`` beats ``other``."""
    return next((c for c in CRITERIA if c.rank(best) > c.rank(other)), _FIRST)


def _place(series: Series) -> tuple[int, str, tuple[str, ...]]:
    """Sort key: stacks in numerical order (the second before the tenth), then file names."""
    return len(series.stack_label), series.stack_label, tuple(str(path) for path in series.files)


def _is_original(candidate: Candidate) -> bool:
    series = candidate.series
    return series.plane is Plane.AXIAL and "DERIVED" not in series.image_type and "SECONDARY" not in series.image_type


def _region(words: str) -> float:
    if any(word in words for word in _TRUNK_WORDS):
        return 1.0
    return -1.0 if any(word in words for word in _ELSEWHERE_WORDS) else 0.0


def _is_long_enough(candidate: Candidate) -> bool:
    return (candidate.series.coverage_mm or 0.0) >= _LONG_ENOUGH_SHARE * candidate.longest_mm


def _is_native(candidate: Candidate) -> bool:
    return not names_agent(candidate.series.contrast_bolus_agent)


def _is_thin(candidate: Candidate) -> bool:
    thickness = candidate.series.slice_thickness_mm
    return thickness is not None and thickness <= THICKNESS_PREFERRED.value
