"""A table of QCT values: the meaning of its columns, the rows that can be taken, and the distribution of the values."""

from __future__ import annotations

import re
import statistics
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from osteo_core.errors import TableError
from osteo_core.limits.tables import QCT_HIGH, QCT_LOW, SCORE_HIGH, SCORE_LOW
from osteo_core.pseudonyms import Pseudonyms
from osteo_core.records import ReferenceValue
from osteo_core.tables.columns import (
    Column,
    Identifier,
    Number,
    OneOf,
    Text,
    folded,
    guess_columns,
    refuse_unclear,
    unclear,
    unit_in,
)
from osteo_core.tables.content import Refused, Table, read_table_file
from osteo_core.tables.rows import Row, read_rows, refuse_rows
from osteo_core.terms import MEASURED_LEVELS, Level, Mineral

UNIT = "mg/cm3"
#: Words for the mean over levels, which has no level of its own.
_MEAN_WORDS = (
    *("mean", "average", "all", "total", "L1-L4", "L1-4"),
    *("Mittelwert", "Mittel", "moyenne", "promedio", "media", "平均", "平均值", "均值"),
)
_MINERALS = {
    "hydroxyapatite": Mineral.HA,
    "calcium hydroxyapatite": Mineral.HA,
    "CaHA": Mineral.HA,
    "Hydroxylapatit": Mineral.HA,
    "hidroxiapatita": Mineral.HA,
    "羟基磷灰石": Mineral.HA,
    "dipotassium phosphate": Mineral.K2HPO4,
    "磷酸氢二钾": Mineral.K2HPO4,
}
#: In the heading of a column of densities: 'mg HA/cm3', 'CaHA', 'K2HPO4 mg/ml'.
_MINERAL_WORDS = (
    (Mineral.K2HPO4, r"k2hpo4|dipotassium"),
    (Mineral.HA, r"(?<![a-z0-9])(?:mg)?(?:ca?)?hap?(?![a-z0-9])|h[iy]dro(?:xy|xyl|xi)apatit"),
)
_YES = ("true", "1", "yes", "ja", "oui", "si", "wahr", "vrai", "verdadero", "是")
_NO = ("false", "0", "no", "nein", "non", "falsch", "faux", "falso", "否")
#: Share of values in the range of scores from which the whole table is refused, not single rows.
_MOSTLY = 0.5
_SURELY_GRAMS_BELOW = 1.0
_BIN_MG_CM3 = 20.0


def _levels() -> OneOf:
    names = {level.name: level for level in MEASURED_LEVELS}
    others: dict[str, Level | None] = dict.fromkeys(_MEAN_WORDS)
    for number, level in enumerate(MEASURED_LEVELS, start=1):
        words = ("{}", "LWK{}", "vertebrae L{}", "vertebra L{}", "腰{}", "腰{}椎体", "L{}椎体")
        others |= dict.fromkeys((word.format(number) for word in words), level)
    return OneOf(values=names, others=others)


# fmt: off
COLUMNS: tuple[Column, ...] = (
    Column(name="PatientID", kind=Identifier(), words=(
        "patient", "patient number", "patient no", "pid", "mrn", "subject id", "subject", "case id", "id",
        "Patientennummer", "Patientennr", "Patienten-Nr.", "Patienten-ID", "PatNr", "Pat.-Nr.", "Pat-ID",
        "numéro patient", "numéro de patient", "numéro du patient", "n° patient", "no patient", "id patient", "ipp",
        "identifiant patient", "identifiant",
        "número de paciente", "número paciente", "n.º paciente", "nº paciente", "paciente", "id paciente", "nhc",
        "identificador", "historia clínica", "número de historia clínica",
        "患者编号", "病人编号", "患者ID", "病人ID", "患者号", "病人号", "病历号", "受试者编号", "登记号",
        "患者", "病人", "编号",
    )),
    Column(name="Level", kind=_levels(), required=False, may_be_blank=True, words=(
        "vertebra", "vertebral level", "vertebral body", "lumbar level", "segment",
        "Wirbel", "Wirbelkörper", "Wirbelkoerper", "WK", "LWK", "Höhe", "Hoehe", "Ebene",
        "vertèbre", "niveau", "corps vertébral", "étage",
        "nivel", "vértebra lumbar", "cuerpo vertebral", "segmento",
        "椎体", "节段", "椎体节段", "腰椎节段", "腰椎", "椎体水平", "部位",
    )),
    Column(name="vBMD_mg_cm3", kind=Number(low=QCT_LOW.value, high=QCT_HIGH.value, unit=UNIT), words=(
        "vBMD", "BMD", "BMD mg cm3", "QCT", "QCT BMD", "density", "trabecular BMD", "trabecular vBMD", "volumetric BMD",
        "bone density", "bone mineral density",
        "Knochendichte", "Knochenmineraldichte", "volumetrische Knochendichte", "trabekuläre Knochendichte", "Dichte",
        "Mineraldichte",
        "densité", "densité osseuse", "densité minérale osseuse", "densité minérale", "DMO", "DMO volumique",
        "densidad", "densidad ósea", "densidad mineral ósea", "DMO volumétrica",
        "骨密度", "骨密度值", "体积骨密度", "松质骨密度", "骨矿密度", "骨矿物质密度", "密度",
    )),
    Column(name="Mineral", kind=OneOf(values={m.value: m for m in Mineral}, others=_MINERALS), required=False, words=(
        "reference mineral", "calibration material", "mineral of reference",
        "Referenzmineral", "Kalibriermaterial",
        "minéral", "minéral de référence", "matériau de calibration",
        "mineral de referencia", "material de calibración",
        "矿物", "参考矿物", "矿物质", "校准材料",
    )),
    Column(name="Source", kind=Text(), required=False, may_be_blank=True, words=(
        "method", "phantom", "software", "Quelle", "Methode", "Verfahren", "méthode", "fantôme", "logiciel",
        "fuente", "método", "fantoma", "maniquí", "来源", "方法", "体模", "软件",
    )),
    Column(name="Simulated", required=False, may_be_blank=True, words=(
        "is simulated", "simuliert", "simulé", "simulado", "模拟",
    ), kind=OneOf(values={"true": True, "false": False},
                  others=dict.fromkeys(_YES, True) | dict.fromkeys(_NO, False))),
    Column(name="Unit", required=False, may_be_blank=True, words=(
        "units", "Einheit", "Maßeinheit", "unité", "unités", "unidad", "unidades", "单位",
    )),
)
# fmt: on

#: The columns in words, as the import page names them.
MEANINGS = {
    "PatientID": "Patient",
    "Level": "Level",
    "vBMD_mg_cm3": "vBMD, mg/cm³",
    "Mineral": "Mineral",
    "Source": "Source",
    "Simulated": "Simulated",
    "Unit": "Unit",
}


@dataclass(frozen=True, kw_only=True)
class Distribution:
    """Distribution of the values of a table in mg/cm3, which reveals a wrong unit or column before the import.

    ``bins``: lower ends of classes 20 mg/cm3 wide and the count in each; ``levels``: counts of L1-L4 and 'mean'.
    """

    low: float
    quartile_1: float
    median: float
    quartile_3: float
    high: float
    levels: Mapping[str, int]
    bins: tuple[tuple[float, int], ...]


@dataclass(frozen=True, kw_only=True)
class Mapped:
    """The rows as read under one mapping of columns; ``unused``: headings that are mapped to no column."""

    values: tuple[ReferenceValue, ...]
    refused: tuple[Refused, ...]
    distribution: Distribution | None
    unused: tuple[str, ...] = ()


def guess(table: Table) -> dict[str, str]:
    """The most likely heading of each of COLUMNS, by its name; a required column that several may mean is left out."""
    doubtful = unclear(table.columns, [column for column in COLUMNS if column.required])
    return {name: heading for name, heading in guess_columns(table.columns, COLUMNS).items() if name not in doubtful}


def read_reference(path: Path, pseudonyms: Pseudonyms) -> tuple[ReferenceValue, ...]:
    """The values of a file whose headings can be guessed, each patient under its keyed hash.

    Raises TableError naming file, row and column for the first rows that cannot be read; the content of a cell is
    never repeated, since in shifted columns it may be a patient's name.
    """
    try:
        table = read_table_file(path)
        refuse_unclear(table.columns, COLUMNS[:4])  # whose value, of which level, in which mineral
        mapped = map_rows(table, guess(table), pseudonyms, mineral=None, source="")
    except TableError as error:
        raise TableError(f"QCT table {path.name}: {error}") from None
    refuse_rows(f"QCT table {path.name}", mapped.refused)
    return mapped.values


def map_rows(
    table: Table, columns: Mapping[str, str], pseudonyms: Pseudonyms, *, mineral: Mineral | None, source: str
) -> Mapped:
    """Every row under ``columns`` (name in COLUMNS -> heading of the file), taken or refused with its reason.

    ``mineral`` and ``source`` apply to the whole file if no column gives them; without a ``mineral`` the one in the
    heading of the densities does. A level may be L1-L4, 1-4, blank or a word for the mean. Raises TableError if the
    file as a whole cannot be used: no patient column, another unit, T-scores.
    """
    chosen = {name: heading for name, heading in columns.items() if heading}
    said = mineral_in(chosen.get("vBMD_mg_cm3", ""))
    _check_choice(table, chosen, mineral or said)
    rows = read_rows(table, COLUMNS, chosen, holds_patients=True)
    _refuse_scores(rows.taken)
    if said and mineral not in (None, said) and "Mineral" not in chosen:
        raise TableError(f"the heading of the densities says {said}, and {mineral} is chosen as their mineral")
    held: dict[tuple[str, Level | None], tuple[int, ReferenceValue]] = {}
    refused = list(rows.refused)
    for row in rows.taken:
        why = _why_not(row, said)
        if not why:
            value = _value(row, pseudonyms, mineral or said, source)
            before, known = held.setdefault((value.patient_key, value.level), (row.line, value))
            why = "" if known == value else f"the same patient and level are in line {before} with other values"
        if why:
            refused.append(Refused(line=row.line, why=why))
    values = tuple(value for _, value in held.values())
    return Mapped(
        values=values,
        refused=tuple(sorted(refused, key=lambda row: row.line)),
        distribution=distribution_of(values),
        unused=rows.unused,
    )


def _check_choice(table: Table, chosen: Mapping[str, str], mineral: Mineral | None) -> None:
    lacking = [MEANINGS[name] for name in ("PatientID", "vBMD_mg_cm3") if name not in chosen]
    if mineral is None and "Mineral" not in chosen:
        lacking.append(MEANINGS["Mineral"])
    if not lacking:
        return
    wide = len({folded(level.name) for level in MEASURED_LEVELS} & {folded(heading) for heading in table.columns}) > 1
    hint = "; one row a patient and level is needed, and here each level has a column" if wide else ""
    if not hint and set(table.columns).isdisjoint(chosen.values()):
        hint = "; the first row with two filled cells must name the columns"
    if lacking == [MEANINGS["Mineral"]]:
        hint = "; choose it for all values on the page Agreement, or name it in the heading (BMD [mg HA/cm3])"
    names = " and ".join([", ".join(lacking[:-1]), lacking[-1]] if len(lacking) > 1 else lacking)
    raise TableError(f"no column is chosen or recognised for {names}{hint}")


def _value(row: Row, pseudonyms: Pseudonyms, mineral: Mineral | None, source: str) -> ReferenceValue:
    cells = row.cells
    return ReferenceValue(
        patient_key=pseudonyms.patient(cells["PatientID"]),
        level=cells["Level"],
        vbmd_mg_cm3=cells["vBMD_mg_cm3"],
        source=cells["Source"] or source,
        mineral=cells["Mineral"] or mineral or Mineral.K2HPO4,
        is_simulated=bool(cells["Simulated"]),
    )


def mineral_in(heading: str) -> Mineral | None:
    """The mineral named in a heading of densities; None if there is none."""
    plain = unicodedata.normalize("NFKC", heading).casefold().replace("_", " ")
    return next((mineral for mineral, pattern in _MINERAL_WORDS if re.search(pattern, plain)), None)


def _why_not(row: Row, heading_says: Mineral | None) -> str:
    """Why a row with valid cells is still not a vBMD in mg/cm3; '' if it is one."""
    unit = row.cells["Unit"]
    if unit and unit_in(unit) != UNIT:
        return f"Unit: expected {UNIT}, found {unit_in(unit) or 'other words'}"
    mineral = row.cells["Mineral"]
    if heading_says and mineral not in (None, heading_says):
        return f"Mineral: expected {heading_says}, which the heading of the densities says, found {mineral}"
    if _is_score(row) and not unit:
        return (
            f"vBMD_mg_cm3: expected a density in {UNIT}, found a number from {SCORE_LOW.value:g} to "
            f"{SCORE_HIGH.value:g}, as T-scores and densities in g/cm3 are; if it is a density, say {UNIT} in a "
            "column Unit"
        )
    return ""


def _is_score(row: Row) -> bool:
    found: bool = SCORE_LOW.value <= row.cells["vBMD_mg_cm3"] <= SCORE_HIGH.value
    return found


def _refuse_scores(rows: Sequence[Row]) -> None:
    """Raises TableError if most values are as small as T-scores or densities in g/cm3."""
    values = [row.cells["vBMD_mg_cm3"] for row in rows]
    if not values or sum(map(_is_score, rows)) < _MOSTLY * len(values):
        return
    if min(values) >= 0.0 and statistics.median(values) < _SURELY_GRAMS_BELOW:
        raise TableError(f"most values are below {_SURELY_GRAMS_BELOW:g}, as in g/cm3; give them in {UNIT}")
    raise TableError(
        f"most values are from {SCORE_LOW.value:g} to {SCORE_HIGH.value:g}, as T-scores are; "
        f"choose the column of the density in {UNIT}"
    )


def distribution_of(values: Sequence[ReferenceValue]) -> Distribution | None:
    """The distribution of the values; None if there are none."""
    if not values:
        return None
    densities = sorted(value.vbmd_mg_cm3 for value in values)
    quartiles = statistics.quantiles(densities, n=4, method="inclusive") if len(densities) > 1 else densities * 3
    bins = Counter(_BIN_MG_CM3 * (density // _BIN_MG_CM3) for density in densities)
    levels = Counter(value.level.name if value.level else "mean" for value in values)
    return Distribution(
        low=densities[0],
        quartile_1=quartiles[0],
        median=quartiles[1],
        quartile_3=quartiles[2],
        high=densities[-1],
        levels=dict(sorted(levels.items())),
        bins=tuple(sorted(bins.items())),
    )
