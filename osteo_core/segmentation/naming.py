"""Which level a structure is: by its name, its code, or the published label table of a tool that the user names.

A number alone is ambiguous: 22 is L3 in VerSe, L1 in TotalSegmentator's first version and the duodenum elsewhere.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path

from osteo_core.imaging.open_volume import open_volume, segment_names
from osteo_core.terms import Level


class MaskTool(StrEnum):
    """The numbering of a mask without names of its own; NAMES: the mask must name its structures itself.

    The members are the values of the setting ``mask_tool``.
    """

    NAMES = "names"
    TOTALSEGMENTATOR = "totalsegmentator"
    VERSE = "verse"
    SPINEPS = "spineps"


#: VerSe (Sekuboyina 2021), also spine-segment's; SPINEPS and VERIDAH use the same for vertebrae, and numbers above 100
#: for discs and endplates, which are ignored.
_VERSE = {int(level): level for level in Level}
#: TotalSegmentator version 2, task total (Wasserthal 2023): 25 sacrum, 26 S1, 27 L5 up to 50 C1.
_TOTALSEGMENTATOR = {25: Level.SACRUM, 26: Level.SACRUM} | {27 + n: Level(Level.L5 - n) for n in range(24)}
TABLES: dict[MaskTool, Mapping[int, Level]] = {
    MaskTool.TOTALSEGMENTATOR: _TOTALSEGMENTATOR,
    MaskTool.VERSE: _VERSE,
    MaskTool.SPINEPS: _VERSE,
}

#: SNOMED CT codes of whole vertebrae (DICOM PS3.16).
_SNOMED = {
    **{"14806007": Level.C1, "39976000": Level.C2, "113205007": Level.C3, "5329002": Level.C4, "36978003": Level.C5},
    **{"36054005": Level.C6, "87391001": Level.C7, "64864005": Level.T1, "53733008": Level.T2, "1626008": Level.T3},
    **{"73071006": Level.T4, "56401006": Level.T5, "45296009": Level.T6, "62487009": Level.T7, "11068009": Level.T8},
    **{"82687006": Level.T9, "7610001": Level.T10, "12989004": Level.T11, "23215003": Level.T12},
    **{"66794005": Level.L1, "14293000": Level.L2, "36470004": Level.L3, "11994002": Level.L4, "49668003": Level.L5},
}
_ORDINALS = (
    *("first", "second", "third", "fourth", "fifth", "sixth", "seventh"),
    *("eighth", "ninth", "tenth", "eleventh", "twelfth", "thirteenth"),
)
_REGION = {"cervical": "C", "thoracic": "T", "lumbar": "L", "dorsal": "T"}
#: A vertebra's or its body's name and nothing else: 'vertebrae_L1', 'L1 vertebral body', 'Th12'; no disc, no rib.
_WORD = r"(?:vert(?:ebrae?|ebral)?)?(?:body)?"
_NAME = re.compile(rf"{_WORD}(c|th|t|l)0?(\d{{1,2}}){_WORD}")
_LONG = re.compile(r"(\w+?)(cervical|thoracic|dorsal|lumbar)vert(?:ebrae?)?")
_LONG_NUMBERED = re.compile(r"(cervical|thoracic|dorsal|lumbar)vert(?:ebrae?)?(\d{1,2})")
_SACRUM = re.compile(r"(?:vert(?:ebrae?)?)?(?:sacrum|s1|os ?sacrum)")
_CARET_LABEL = re.compile(r"<Label\b[^>]*\bKey=\"(-?\d+)\"[^>]*>\s*(?:<!\[CDATA\[)?([^\]<]*)(?:\]\]>)?\s*</Label>")
_NNUNET_NAMES = "dataset.json"


def level_of_name(name: str) -> Level | None:
    """The level that a structure's name states; None for any other structure."""
    plain = re.sub(r"\([^)]*\)", "", name.lower())
    if re.search(r"\d[\s_\-./]+\d", plain):  # 'T1-2' is a disc
        return None
    plain = re.sub(r"[\s_\-.]+", "", plain.replace("structure of", "").replace("body structure", ""))
    if _SACRUM.fullmatch(plain):
        return Level.SACRUM
    if found := _NAME.fullmatch(plain):
        return _level(found[1][0].upper(), int(found[2]))
    if found := _LONG_NUMBERED.fullmatch(plain):
        return _level(_REGION[found[1]], int(found[2]))
    if found := _LONG.fullmatch(plain):
        digits = re.fullmatch(r"(\d{1,2})(?:st|nd|rd|th)", found[1])
        number = int(digits[1]) if digits else _ORDINALS.index(found[1]) + 1 if found[1] in _ORDINALS else 0
        return _level(_REGION[found[2]], number)
    return None


def level_of_code(value: str) -> Level | None:
    """The level of a SNOMED CT code for a whole vertebra, or None."""
    return _SNOMED.get(value)


def levels_of_names(names: Mapping[int, str]) -> dict[int, Level]:
    """Label numbers whose names state a level."""
    levels = {number: level_of_name(name) for number, name in names.items()}
    return {number: level for number, level in levels.items() if level is not None}


def names_in(path: Path) -> dict[int, str]:
    """Label names that come with a label map: in its header (TotalSegmentator, 3D Slicer) or nnU-Net's dataset.json.

    {} if there are none.
    """
    return segment_names(path) or _names_in_header(path) or _names_beside(nnunet_names_of(path))


def nnunet_names_of(path: Path) -> Path:
    """nnU-Net's file of names for a label map: beside predictions, above the folder ``labelsTr`` of a data set."""
    beside = path.parent / _NNUNET_NAMES
    is_of_data_set = path.parent.name.startswith("labels") and not beside.is_file()
    return path.parent.parent / _NNUNET_NAMES if is_of_data_set else beside


def disagreement(own: Mapping[int, Level], table: Mapping[int, Level], present: Iterable[int]) -> str:
    """How a file's own names contradict the table of the named tool, in words; '' if they agree."""
    for number in sorted(set(present) & set(own)):
        if table.get(number) is not own[number]:
            there = table[number].name if number in table else "no vertebra"
            return f"its own names say {number} is {own[number].name}, the tool's numbers say {there}"
    return ""


def _level(region: str, number: int) -> Level | None:
    return Level.__members__.get(f"{region}{number}")


def _names_in_header(path: Path) -> dict[int, str]:
    image = open_volume(path)
    for extension in getattr(image.header, "extensions", ()):
        content = extension.get_content()
        text = content.decode(errors="replace") if isinstance(content, bytes) else str(content)
        if found := _CARET_LABEL.findall(text):
            return {int(number): name.strip() for number, name in found}
    return {}


def _names_beside(path: Path) -> dict[int, str]:
    """nnU-Net's ``labels``: name to number (version 2), or number to name (version 1)."""
    try:
        labels = json.loads(path.read_text(encoding="utf-8"))["labels"]
        pairs = [(key, value) if str(key).isdigit() else (value, key) for key, value in labels.items()]
        return {int(number): str(name) for number, name in pairs if str(number).isdigit()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
