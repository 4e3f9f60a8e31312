"""The terms of the field as closed vocabularies: free text is mapped to them where a file is read."""

from __future__ import annotations

import re
from enum import IntEnum, StrEnum

#: Shown on every page, and in everything that is sent to a PACS.
RESEARCH_USE = "Research use only. Not a medical device: not for diagnosis, treatment or to rule out osteoporosis."
SIMULATED = "Simulated patient"
NO_PERSON = f"{SIMULATED}: anatomy, image and density are invented; this is no person."


class Level(IntEnum):
    """Vertebral level by its VerSe number (Sekuboyina 2021); the number is also the mask's voxel value."""

    C1 = 1
    C2 = 2
    C3 = 3
    C4 = 4
    C5 = 5
    C6 = 6
    C7 = 7
    T1 = 8
    T2 = 9
    T3 = 10
    T4 = 11
    T5 = 12
    T6 = 13
    T7 = 14
    T8 = 15
    T9 = 16
    T10 = 17
    T11 = 18
    T12 = 19
    L1 = 20
    L2 = 21
    L3 = 22
    L4 = 23
    L5 = 24
    L6 = 25
    SACRUM = 26
    COCCYX = 27
    T13 = 28


#: Levels that are measured; L5 and transitional bodies never decide a category (QCT practice: L1-L4).
MEASURED_LEVELS: tuple[Level, ...] = (Level.L1, Level.L2, Level.L3, Level.L4)

#: Levels that a released mask may hold.
MASK_LEVELS: tuple[Level, ...] = (Level.T12, Level.L1, Level.L2, Level.L3, Level.L4, Level.L5)


class Vendor(StrEnum):
    """CT manufacturer after normalisation; an unknown string becomes OTHER and is never guessed."""

    GE = "GE"
    SIEMENS = "Siemens"
    PHILIPS = "Philips"
    CANON = "Canon/Toshiba"
    UIH = "UIH"
    HITACHI = "Hitachi/Fujifilm"
    NEUSOFT = "Neusoft"
    OTHER = "Other"


class Sex(StrEnum):
    """Patient's sex (0010,0040); UNKNOWN if the header is blank."""

    FEMALE = "F"
    MALE = "M"
    OTHER = "O"
    UNKNOWN = "unknown"


class ContrastPhase(StrEnum):
    """Intravenous contrast as seen in the image or, failing that, as declared in the header."""

    NATIVE = "native"
    ARTERIAL = "arterial"
    PORTAL_VENOUS = "portal venous"
    DELAYED = "delayed"
    ENHANCED = "enhanced, phase unknown"
    UNKNOWN = "unknown"


#: Words of (0018,0010) ContrastBolusAgent that mean 'no contrast' or 'unknown', and words that may stand beside it.
_NO_AGENT = re.compile(
    r"no|none|nil|null|n|non|not|nein|ohne|kein\w{0,2}|without|w/o|sans|sin|senza|sem|n[aã]o|nativ[ea]?|plain|false"
    r"|n/a|n\.?a\.?|(?:non|un)-?(?:contrast|enhanced)|ncct|nect|0+(?:[.,]0+)?(?:ml|cc)?|zonder|geen|natief|utan|uden"
    r"|ing[ea][nt]?|inget|bez|brak|nie|yok|kontrasts[iı]z|ilman|нет|без|не|нативн\w*"
    r"|[无無](?:造影[剂剤])?し?|平扫|未(?:使用|注射|增强)|なし|単純|(?:非|単純)造影|造影なし|非増強|없음|비조영|무조영"
    r"|unknown|unbekannt|inconnue?|desconocid[oa]|неизвестно|未知|不明|\?+"
)
_BESIDE_NO = re.compile(
    r"contrast\w*|kontrast\w*|km|kl|pdc|mdc|civ|iv|i\.?v\.?|agent|medium|media|mezzo|medio|meio|produit|di|de|given"
    r"|administered|used|applied|injected|applicable|enhanced|enhancement|ct|scan|phase|injection|inyectado|ml|cc"
    r"|контраст\w*|вводил\w*|применял\w*|усилени\w*|造影[剂剤]|조영제?"
)
_ZERO = re.compile(r"0+(?:[.,]0+)?(?:ml|cc)?")


def names_agent(contrast_bolus_agent: str | None) -> bool:
    """Whether an entry names a contrast agent rather than its absence ('ohne KM', 'non-contrast', '0 ml', '-').

    >>> names_agent("NON IONIC CONTRAST"), names_agent("non-contrast")
    (True, False)
    """
    words = re.findall(r"[^\s,;:()\[\]_\\-]+", (contrast_bolus_agent or "").casefold())
    if not words or (_ZERO.fullmatch(words[0]) and words[1:2] in (["ml"], ["cc"])):
        return False
    is_none = [_NO_AGENT.fullmatch(word) is not None for word in words]
    return not any(is_none) or not all(
        no or _BESIDE_NO.fullmatch(word) for no, word in zip(is_none, words, strict=True)
    )


class KernelGroup(StrEnum):
    """Reconstruction kernels by their effect on noise and edges of trabecular HU."""

    SMOOTH = "smooth"
    STANDARD = "standard"
    SHARP = "sharp"
    UNKNOWN = "unknown"


class Plane(StrEnum):
    """Plane of the stored slices."""

    AXIAL = "axial"
    SAGITTAL = "sagittal"
    CORONAL = "coronal"
    OBLIQUE = "oblique"


class Category(StrEnum):
    """Trabecular vBMD class by QCT limits; NOT_REPORTABLE is an answer, not a missing value."""

    NORMAL = "normal"
    LOW_BONE_MASS = "low bone mass"
    OSTEOPOROSIS = "osteoporosis"
    NOT_REPORTABLE = "not reportable"


class SuggestedCause(StrEnum):
    """What the endplates of a deformed body suggest about its cause, for a reader to decide; it changes no grade."""

    DEPRESSED = "osteoporotic-looking endplate depression"
    NOT_DEPRESSED = "deformity without endplate depression"
    NO_DEFORMITY = "no deformity"
    NOT_ASSESSED = "not assessed"


class Mineral(StrEnum):
    """Reference mineral in which a vBMD is expressed."""

    HA = "HA"
    K2HPO4 = "K2HPO4"


class Anchor(StrEnum):
    """The landmark from which the levels were counted."""

    SACRUM = "sacrum"
    LAST_RIB = "last rib"
    BOTH = "sacrum and last rib"
    AT_ODDS = "sacrum and last rib, which disagree"
    NONE = "none in view"
    STATED = "stated by a mask from elsewhere"


class Status(StrEnum):
    """What became of one series."""

    MEASURED = "measured"
    EXCLUDED = "excluded"
    FAILED = "failed"
    WAITING = "waiting"  # in the store only: indexed, not yet analyzed


class Step(StrEnum):
    """The six steps of analyzing one scan, and the run around them."""

    FIND = "find"
    READ = "read"
    SEGMENT = "segment"
    MEASURE = "measure"
    CALIBRATE = "calibrate"
    ASSESS = "assess"
    RUN = "run"  # the engine: a killed worker or a failure, whose step is not known
