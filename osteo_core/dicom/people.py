"""Tells patients apart: files that contradict each other never belong to one patient, whatever their identifiers say.

De-identified collections use 'ANON', '0' or a blank as the PatientID of everybody, and reuse one StudyInstanceUID for
several people. So placeholders are ignored, and different sexes, births, sizes or assigning authorities under one
identifier are two patients.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

from osteo_core.dicom.identity import Identity
from osteo_core.dicom.image_header import Person
from osteo_core.dicom.slices import SliceHeader
from osteo_core.dicom.values import most
from osteo_core.outcomes import Caution, CautionCode
from osteo_core.terms import Step

#: Births or sizes that differ by more belong to two people; headers round ages to years and sizes to centimetres.
_BIRTH_APART_YEARS = 1.5
_BIRTH_APART_YEARS_BY_AGE = 3.0
#: Used when the study date is unknown: longer than CTs are usually archived, shorter than a generation.
_AGE_APART_YEARS = 15.0
_SIZE_APART_M = 0.2
_DAYS_A_YEAR = 365.25

_PLACEHOLDER = re.compile(
    "(?:ANON(?:YM(?:OUS|I[SZ]ED|E|IZADO)?)?(?:PATIENT|ID)?|UNKNOWN|UNBEKANNT|INCONNU|NONE|NULL|N?NA|NAN|NOID|PATIENT|"
    "PATIENTID|ID|DEFAULT|REMOVED|DELETED|BLANK|EMPTY|DUMMY|DEIDENTIFIED|DEIDENT|CONFIDENTIAL)?[0X]*"
)

Item = TypeVar("Item")


@dataclass(frozen=True, kw_only=True)
class Member:
    """The files of one series of one person. ``patient`` identifies this person uniquely.

    ``name`` and ``study_uid`` are the identifiers before people are separated. ``patients`` is more than one
    where slices of several people form one stack; ``unsure`` says why the patient's identity is uncertain.
    """

    identity: Identity
    slices: list[SliceHeader]
    person: Person
    name: str = ""
    study_uid: str = ""
    patient: str = ""
    patients: int = 1
    unsure: str = ""

    @property
    def has_patient_id(self) -> bool:
        """False where the PatientID is blank or a placeholder."""
        return not is_placeholder(self.person.patient_id)


def is_placeholder(patient_id: str) -> bool:
    """True for a PatientID that identifies nobody: blank, '0', 'ANON', 'XXXX'."""
    return _PLACEHOLDER.fullmatch(re.sub(r"[\W_]+", "", patient_id).upper()) is not None


def split_by_person(slices: Sequence[SliceHeader]) -> list[list[SliceHeader]]:
    """The slices of one series by person; slices compatible with several people go to the one with most slices."""
    by_person: dict[Person, list[SliceHeader]] = {}
    for one in slices:
        by_person.setdefault(one.image.person, []).append(one)
    if len(by_person) == 1:
        return [list(slices)]
    ordered = sorted(by_person.items(), key=lambda item: (-len(item[1]), str(item[0])))
    clusters = _clusters(ordered, lambda one, other: contradict(one[0], other[0], is_one_study=True))
    return [[one for _, members in cluster for one in members] for cluster in clusters]


def person_of(slices: Sequence[SliceHeader]) -> Person:
    """The most frequent value of each attribute of one person."""
    people = [one.image.person for one in slices]
    if len(set(people)) == 1:
        return people[0]
    said: dict[str, Any] = {one.name: most(getattr(person, one.name) for person in people) for one in fields(Person)}
    return Person(**said)


def with_patients(members: Sequence[Member]) -> list[Member]:
    """The members, each with its patient: by PatientID, separated where people contradict each other.

    The order of ``members`` does not matter, so the order of indexing has no effect.
    """
    by_name: dict[str, list[Member]] = {}
    for one in sorted(members, key=_order):
        named = replace(one, name=name_of(one.person.patient_id, one.identity.study), study_uid=one.identity.study)
        by_name.setdefault(named.name, []).append(named)
    found = [one for own in by_name.values() for one in _separated(own)]
    patients: dict[str, set[str]] = {}
    for one in found:
        patients.setdefault(one.study_uid, set()).add(one.patient)
        patients.setdefault(f"{one.study_uid}\0{one.name}", set()).add(one.patient)
    return [
        _in_own_study(one, len(patients[one.study_uid]), len(patients[f"{one.study_uid}\0{one.name}"])) for one in found
    ]


def _order(one: Member) -> tuple[Identity, str]:
    return one.identity, str(one.person)


def name_of(patient_id: str, study: str) -> str:
    """The PatientID; without one each study counts as its own patient, so two patients are never merged."""
    return f"study {study}" if is_placeholder(patient_id) else patient_id


def _separated(members: Sequence[Member]) -> list[Member]:
    """Members of one identifier: one patient, or several who contradict each other."""
    name, reasons = members[0].name, set[str]()
    members = _by_authority(members)

    def apart(one: Member, other: Member) -> str:
        return contradict(one.person, other.person, is_one_study=one.identity.study == other.identity.study)

    clusters = _clusters(members, apart, reasons)
    if len(clusters) == 1:
        return [replace(one, patient=name) for one in members]
    unsure = f"{len(clusters)} people of different {' and '.join(sorted(reasons))} share one identifier"
    return [
        replace(one, patient=f"{name}\0{described}", unsure=f"{unsure}; they count as separate patients")
        for described, cluster in zip(_descriptions(clusters), clusters, strict=True)
        for one in cluster
    ]


def _by_authority(members: Sequence[Member]) -> list[Member]:
    """The members of one identifier, with one issuer for all authorities under which one study was sent."""
    studies: dict[str, set[str]] = {}
    for one in members:
        if one.person.issuer:
            studies.setdefault(one.identity.study, set()).add(one.person.issuer)
    groups: list[set[str]] = []
    for own in studies.values():
        alike = own.union(*(group for group in groups if group & own))
        groups = [alike, *(group for group in groups if not group & own)]
    first = {issuer: min(group) for group in groups for issuer in group}
    return [replace(one, person=replace(one.person, issuer=first.get(one.person.issuer, ""))) for one in members]


def _in_own_study(one: Member, patients: int, of_one_name: int) -> Member:
    """The member, with a study that belongs to its patient alone, because one StudyInstanceUID may be used for two.

    The key does not depend on other people under the same identifier, so that a study keeps its results and reviews.
    """
    unsure = one.unsure
    if patients > 1 and not unsure:
        unsure = f"one StudyInstanceUID is used for {patients} patients; they count as separate patients"
    own = one.patient if of_one_name > 1 else one.name
    if own == f"study {one.study_uid}":
        return replace(one, unsure=unsure)
    return replace(one, unsure=unsure, identity=replace(one.identity, study=f"{one.study_uid}\0{own}"))


def _clusters(
    items: Sequence[Item], apart: Callable[[Item, Item], str], reasons: set[str] | None = None
) -> list[list[Item]]:
    """Groups of items that do not contradict each other; ``reasons`` collects the contradictions."""
    clusters: list[list[Item]] = []
    for item in items:
        for cluster in clusters:
            found = {apart(item, other) for other in cluster} - {""}
            if not found:
                cluster.append(item)
                break
            if reasons is not None:
                reasons |= found
        else:
            clusters.append([item])
    return clusters


def doubts_of(member: Member) -> tuple[Caution, ...]:
    """The caution for a member whose patient is uncertain."""
    if not member.unsure:
        return ()
    return (Caution(code=CautionCode.PATIENT_UNSURE, step=Step.FIND, found=member.unsure),)


def contradict(one: Person, other: Person, *, is_one_study: bool) -> str:
    """Why these cannot be one person ('sex', 'birth', 'assigning authority' ...), or ''.

    A PatientID is unique only within the authority that assigned it; one study may have been sent under two of them.
    """
    ids = {p.patient_id for p in (one, other) if not is_placeholder(p.patient_id)}
    if len(ids) > 1:
        return "identifier"
    if not is_one_study and one.issuer and other.issuer and one.issuer != other.issuer:
        return "assigning authority"
    if {one.sex, other.sex} == {"F", "M"}:
        return "sex"
    if one.born and other.born and abs((one.born - other.born).days) > _BIRTH_APART_YEARS * _DAYS_A_YEAR:
        return "birth"
    births = _birth_year(one, is_one_study=is_one_study), _birth_year(other, is_one_study=is_one_study)
    if births[0] is not None and births[1] is not None:
        if abs(births[0] - births[1]) > _BIRTH_APART_YEARS_BY_AGE:
            return "age"
    elif one.age_years is not None and other.age_years is not None:  # the study date is unknown
        if abs(one.age_years - other.age_years) > _AGE_APART_YEARS:
            return "age"
    if one.size_m and other.size_m and abs(one.size_m - other.size_m) > _SIZE_APART_M:
        return "size"
    return ""


def _birth_year(person: Person, *, is_one_study: bool) -> float | None:
    """The year of birth from age and study date; within one study the age alone is compared."""
    if person.age_years is None:
        return None
    if is_one_study:
        return -person.age_years
    return person.scanned.year + person.scanned.month / 12 - person.age_years if person.scanned else None


def _descriptions(clusters: Sequence[Sequence[Member]]) -> list[str]:
    """Distinguishes each person from the others by sex and birth, else by size, assigning authority or number."""
    found = [_description(cluster) for cluster in clusters]
    if len(set(found)) < len(found):
        found = [f"{one} {_size(cluster)}" for one, cluster in zip(found, clusters, strict=True)]
    if len(set(found)) < len(found):
        found = [f"{one} {max(m.person.issuer for m in cluster)}" for one, cluster in zip(found, clusters, strict=True)]
    if len(set(found)) < len(found):
        found = [f"{one} {number}" for number, one in enumerate(found)]
    return found


def _size(cluster: Sequence[Member]) -> str:
    return next((f"{size:.1f} m" for size in sorted(one.person.size_m or 0.0 for one in cluster) if size), "")


def _description(cluster: Sequence[Member]) -> str:
    """Describes a person independently of the order of files."""
    people = [one.person for one in cluster]
    sex = max(person.sex for person in people)
    births = sorted(person.born.isoformat() for person in people if person.born)
    years = sorted(-(_birth_year(person, is_one_study=False) or -(person.age_years or 0.0)) for person in people)
    return f"{sex} {births[0] if births else round(years[0])}"
