"""Images that are not plain CT at one tube voltage, by the words that say so: spectral, subtracted, projected.

Vendors name such series in the description as often as in (0008,0008), and archives overwrite (0008,0008). So all
text that describes an image is used: description, protocol, comments, derivation, image type, and the multi-energy
attributes of DICOM Supplement 188. Sources of the words: the 39,092 descriptions of the NCI Imaging Data Commons (v25),
Supplement 188, and the names in vendors' public manuals. Words for oral or intravenous contrast (water,
iodine, Isovue), calcium scoring and virtual endoscopy do not count as spectral.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from osteo_core.dicom.values import Source, positive, sequence, text

_MATERIAL = "(?:WATER|WASSER|EAU|IODINE?|CALCIUM|FAT|HAP|BLOOD|URIC ?ACID|GADOLINIUM|BARIUM|IRON|HYDROXYAPATITE)"
_MONOENERGETIC = "virtual monoenergetic"
#: Kinds of image and their patterns; the first match counts. Words are upper case with single spaces, and '_' is a
#: space.
_RULES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("virtual non-calcium", (r"\bVNCA\b", r"\bVIRTU\w*[ -]*NON-? ?CALC")),
    (
        "virtual non-contrast",
        (
            *(r"\bVNC", r"\bVN[BI]\b", "LIVERVNC", r"\bVUE\b(?! (?:AX|COR|SAG|DE |3D|GEN|LAT|ENS))"),
            r"\bVIRTU\w*[ -]*(?:TRUE[ -]*)?(?:NON|UN-?ENH|NATI|PLAIN|SANS|SIN )",
            r"\bVIRT\.? ?(?:NON|NATI|UNENH)",
            r"(?:NATI[FV]\w*|CONTRAST\w*|UNENHANCED|NON[ -]*ENHANCED)[ -]*VIRTU",
        ),
    ),
    ("a map of a contrast agent", (r"\bK-?EDGE\b",)),
    ("calcium-suppressed", (r"\bCA(?:LCIUM)?[ -]*SUPP?R", r"\bCASUPP?\b")),
    (
        "a calcium image",
        (r"\bCALCIUM ?(?:\(|MAP|OVERLAY|IMAGE|DENS|INDEX|REMOV|SUBTR|FREE|BASIS|\d)", r"^(?:AX\w* )?CALCIUM$"),
    ),
    ("a cone-beam CT", (r"\bCBCT\b", r"\bCONE[ -]?BEAM", r"\bXPERCT\b", r"\bDYNACT\b")),
    ("a megavoltage CT", (r"\bMVCT\b",)),
    # 'sCT' is ignored: it may also mean spiral CT.
    ("a CT made from MR", (r"\bMRCAT\b", r"\bSYNTH(?:ETIC)?[ -]?CT\b", r"\bPSEUDO[ -]?CT\b")),
    ("iodine removed", (r"\bIODINE?[ -]*(?:REMOV|SUBTR|SUPPR|NO WATER)",)),
    (
        "an iodine image",
        (
            r"\bIODINE?\b(?! *(?:CONTRAST|AGENT|ALLERG|IV|I\.V|ORAL|PO\b|INJ|\d{2,3} ?(?:ML|CC|MG ?I?/ML)))",
            *(r"\bIODINE?MAP", r"\b[IJ]OD-?(?:KARTE|BILD|DICHTE|OVERLAY)", r"\b[IJ]OD[ -]?MAP"),
            r"\b(?:CARTE|MAPA|MAPPA)\b.{0,12}\b(?:IODE|YODO|IODIO)\b",
        ),
    ),
    ("a perfused blood volume image", (r"\bPBV\b", r"\bLUNG ?(?:VESSELS?|ANALYSIS) (?:DE|IODINE)")),
    (
        "a material-density image",
        (
            *(rf"\b{_MATERIAL} ?\( ?-?{_MATERIAL}? ?\)", r"\bWATER[ -]+IODINE\b", r"\bNO WATER\b"),
            r"\b(?:WATER|HAP|FAT|BLOOD|URIC ACID) ?(?:BASIS|MAP|DENSITY|FRACTION|IMAGE)\b",
            r"\b(?:WATER|IODINE?|CALCIUM|HAP) \d+(?:[.,]\d+)? ?MG/",
            r"\bMATERIAL[ -]*(?:DENS|DECOMP|BASIS|SPEC|MAP|REMOV|FRACT|MODIF|VALUE)",
            r"\bMAT[ -](?:SPEC|REMOV|FRACT|MODIF|VALUE)",
            *(r"\bURIC[ -]?ACID", r"\bGOUT\b.{0,12}\b(?:DE|MAP|OVERLAY)\b", r"\bMARROW O?EDEMA"),
            *(r"\bFETTFRAKTION", r"\bBONE ?MARROW\b(?! ?(?:BIOP|ASPIR|TRANSPL|DON))"),
            r"\bKNOCHENMARK(?!S?-? ?(?:PUNK|BIOP|STANZ|TRANSPL|ASPIR))",
        ),
    ),
    (
        "an effective atomic number",
        (r"\bZ[ -]*EFF", r"\bEFF\w*[ .-]*(?:ATOMIC|Z\b)", r"\bATOMIC[ -]*NUM", r"\bEFF ATOMIC", "ORDNUNGSZAHL"),
    ),
    (
        "an electron density",
        (
            *(r"\bRHO\b", r"\bRHO ?/? ?Z", r"\bE(?:LECTRON)?[ -]*DENSITY\b", r"\bEDW\b"),
            *(r"\bELE[CK]TRON\w*[ -]*(?:DENS|DICHTE)", r"\bDENSI\w* ELE[CK]TR"),
        ),
    ),
    ("a stopping power", (r"\bSTOPPING[ -]*POWER",)),
    (
        _MONOENERGETIC,
        (
            *(r"\d ?-?KEV", r"\bKEV ?-?\d", r"\bMONO-? ?(?:E\b|E ?\d|PLUS|\+|\d)", r"\bS?MONOE", "MONO-? ?ENERG"),
            *("MONO-? ?CHROM", r"\bVMI", r"\bVMC?E?\b", r"\bS?MONO\b"),
        ),
    ),
    ("one of a GE spectral (GSI) scan", (r"\bGSI\b",)),
    (
        "mixed from two tube voltages",
        (
            *(r"\b[MF] ?0?[.,]\d\b", r"\bMIX(?:ED)?\b", r"\bBLEND(?:ED|ING)?\b", r"\bWEIGHTED (?:AVERAGE|MEAN|SUM)\b"),
            *(r"\bOPTIMUM CONTRAST\b", r"\bDE[ -]?COMP\b", r"\bCOMPOSED DE\b", r"\bMULTI-?ENERGY PROP"),
            r"\bENERGY WEIGHT",
        ),
    ),
    ("taken through a tin filter", (r"\b(?:[AB] ?)?SN ?(?:70|80|90|1[0-5]0) ?(?:KVP?)?\b",)),
    ("the base data of a spectral scan", (r"\bSBI\b", r"\bSPECTRAL BASE")),
    (
        "an image of one energy window",
        (
            r"\bENERGY ?BIN",
            r"\bBIN ?\d\b.{0,10}\bENERG",
            r"\b(?:HIGH|LOW)[ -]ENERGY (?:IMAGE|CT|RECON)",
        ),
    ),
    ("changed in its HU", (r"HU ?\*",)),
    ("a map in other units than HU", (r"\[ ?(?:%? ?EDW?|MG ?/ ?(?:ML|CC|CM3)|Z|MMOL\w*) ?\]",)),
    (
        "subtracted",
        (
            *("DIFFERENZBILD", r"\bSUBTRA\w*", r"\bSOUSTRA\w*", r"\bSUB ?(?:IMAGE|CTA?)\b", r"\bPIXEL BY PIXEL\b"),
            r"\bBONE[ -]*(?:REMOV|SUBTR|FREE|LESS)",
        ),
    ),
    ("contrast alone", (r"\bCONTRAST[ -]ENHANCED STRUCT",)),
    (
        "a projection",
        (
            r"(?<!FOR )(?<!FOR LUNG )\b(?:MIN ?IP|MIPS?|VRT|SSD)\b",
            r"\b(?:MAX|MIN)(?:IMUM)?[ -]*INTENS",
        ),
    ),
    (
        "a perfusion map",
        (
            r"\b(?:CBF|CBV|MTT|TTP|TMAX)\b",
            r"\b(?:BLOOD|PERFUSION) ?(?:FLOW|VOLUME|MAP)\b",
            r"\bPERFUSION (?:COLOU?R|PARAM)",
        ),
    ),
    ("fused with another image", (r"\bFUSED\b",)),
)
_COMPILED = tuple((re.compile("|".join(patterns)), name) for name, patterns in _RULES)
#: The energy is written before the unit, after it, or after the name alone ('Monoenergetic Plus 45').
_ENERGY = re.compile(
    r"(\d{2,3})(?:[.,]0+)? ?-?KEV|\bKEV ?-?(\d{2,3})|(?:MONO|VMI)\w*?[ .+-]*(?:(?:PLUS|E) )?(\d{2,3})\b"
)
#: Calcium scoring, phases and views, and the true plain scan beside a virtual one.
_HARMLESS = re.compile(
    r"\bCALCIUM[ -]*SCOR\w*|\bMONO-?(?:PHAS\w*|BLOC\w*|LATERAL\w*)|\bTRUE (?:NON|UN)\w*|\bIODINATED\b"
)


@lru_cache(maxsize=65536)
def image_kind(text: str) -> str:
    """The kind of image named in ``text`` if not plain CT ('virtual monoenergetic at 40 keV'), else ''.

    >>> image_kind("Monoenergetic_Plus_45_0")
    'virtual monoenergetic at 45 keV'
    >>> image_kind("Water Sol & 100ml Ultravist"), image_kind("VIRTUAL COLON PRONE")
    ('', '')
    """
    words = _HARMLESS.sub(" ", _normalised(text))
    name = next((name for pattern, name in _COMPILED if pattern.search(words)), "")
    if name != _MONOENERGETIC:
        return name
    energy = _ENERGY.search(words)
    return f"{name} at {next(filter(None, energy.groups()))} keV" if energy else name


def _normalised(text: str) -> str:
    """Upper case without accents; underscores, carets and backslashes are spaces."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().upper()
    return " ".join(re.sub(r"[_^\\|;:,]+(?!\d)|_|\\", " ", plain).split())


#: Where the kind of image is stated: words for the reader, and keywords.
_SAYINGS = (
    ("its image type", ("FrameType", "ImageType")),
    ("its description", ("SeriesDescription",)),
    ("how it was derived", ("DerivationDescription", "DerivationCodeSequence")),
    ("its comments", ("ImageComments", "FrameComments")),
    ("its protocol", ("ProtocolName",)),
)
#: A protocol describes the whole examination, so these words in it do not describe one series.
_OF_THE_EXAMINATION = ("a projection", "fused", "subtracted", "a perfusion", "one of a GE spectral")


def is_unnamed_multienergy(source: Source) -> bool:
    """Whether the scan was multi-energy, unless the header states a single tube of constant voltage.

    Such an image may be the conventional one (dual layer, photon counting), that of one of two tubes, or an image mixed
    or computed from both.
    """
    return text(source, "MultienergyCTAcquisition").upper() == "YES" and _techniques(source) != ["CONSTANT_SOURCE"]


def _techniques(source: Source) -> list[str]:
    """The source technique of each tube of a multi-energy acquisition."""
    acquisitions: list[Source] = [*sequence(source, "MultienergyCTAcquisitionSequence")] or [source]
    sources = [item for one in acquisitions for item in sequence(one, "MultienergyCTXRaySourceSequence")]
    return [text(item, "MultienergySourceTechnique") for item in sources]


def not_plain(source: Source) -> str:
    """Why an image is not plain CT at one tube voltage, and where its header says so; '' for plain CT."""
    for where, keywords in _SAYINGS:
        for keyword in keywords:
            kind = image_kind(_words(source, keyword))
            if kind and not (keyword == "ProtocolName" and kind.startswith(_OF_THE_EXAMINATION)):
                return f"{kind}, by {where}"
    return _by_attributes(source)


def _words(source: Source, keyword: str) -> str:
    """An element as text; for a code sequence, the code meanings."""
    if not keyword.endswith("Sequence"):
        return text(source, keyword)
    return " ".join(text(item, "CodeMeaning") for item in sequence(source, keyword))


def _by_attributes(source: Source) -> str:
    """What the multi-energy attributes (DICOM Supplement 188) and the filter say."""
    own = next(iter(sequence(source, "MultienergyCTCharacteristicsSequence")), source)
    energy = positive(own, "MonoenergeticEnergyEquivalent")
    if energy:
        return f"virtual monoenergetic at {energy:g} keV, by its multi-energy attributes"
    if sequence(own, "DecompositionMaterialSequence") or text(own, "DecompositionMethod"):
        return "a material-density image, by its multi-energy attributes"
    if "SWITCHING_SOURCE" in _techniques(source):
        return "taken at switching tube voltages, by its multi-energy attributes"
    materials = f"{text(source, 'FilterMaterial')} {text(source, 'FilterType')}".upper()
    return "taken through a tin filter, by its filter" if re.search(r"\b(?:TIN|SN)\b", materials) else ""
