"""The first step: finds eligible series in folders, and gives a reason for everything left out.

Only headers are read, each file once. A folder whose files are all indexed is skipped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import combinations
from pathlib import Path

from osteo_core.archives import archive_of, is_archive
from osteo_core.dicom.about import About
from osteo_core.dicom.arrange import arrange
from osteo_core.dicom.describe import describe, header_cautions, words_of
from osteo_core.dicom.eligibility import exclusion_of
from osteo_core.dicom.header import NotReadable, has_preamble, read_slices
from osteo_core.dicom.identity import Identity, identity, unique_names
from osteo_core.dicom.nifti_series import nifti_members, nifti_series
from osteo_core.dicom.people import Member, doubts_of, person_of, split_by_person, with_patients
from osteo_core.dicom.prefer import choose_preferred
from osteo_core.dicom.sites import SiteRule, Source, read_sites, site_key, site_of
from osteo_core.dicom.slices import Seen, SliceHeader
from osteo_core.dicom.stack import Stack, build_stack, without_identity
from osteo_core.dicom.values import printable
from osteo_core.dicom.walk import File, Folder, Known, folders_of, walk
from osteo_core.imaging.files import is_volume_file
from osteo_core.outcomes import Caution, Exclusion, ExclusionCode
from osteo_core.pseudonyms import Pseudonyms
from osteo_core.records import Found, Series
from osteo_core.settings import Settings
from osteo_core.terms import Step

_PACKED_TWICE = "an archive in an archive; unpack it first"
#: Called after each file with (files done, files seen so far).
Progress = Callable[[int, int], object]


@dataclass(kw_only=True)
class _Gathered:
    """What has been collected so far. ``seen`` lets files of one series share equal header values.

    ``stamps`` are from before a file was opened: one that is replaced meanwhile counts as changed.
    """

    slices: dict[Identity, list[SliceHeader]] = field(default_factory=dict)
    nifti: list[File] = field(default_factory=list)
    unreadable: dict[tuple[Path, str], list[Path]] = field(default_factory=dict)
    stamps: dict[Path, tuple[int, int]] = field(default_factory=dict)
    seen: Seen = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class _Judged:
    """One series with its exclusion, if any. ``words``: its descriptions, which are not stored."""

    series: Series
    exclusion: Exclusion | None
    cautions: tuple[Caution, ...]
    words: str = ""


def find_series(
    paths: Iterable[Path],
    *,
    pseudonyms: Pseudonyms,
    settings: Settings,
    known: Mapping[str, Known] | None = None,
    again: bool = False,
    progress: Progress | None = None,
    without: Iterable[Path] = (),
    about: About | None = None,
) -> Found:
    """The CT series below ``paths``, by their headers alone; identifiers leave as keyed hashes.

    ``known``: files already indexed, by absolute path. A folder that contains only such files is skipped unless
    ``again``; a folder with anything new is read completely, so that no series is judged by part of its files. If new
    files share a PatientID or StudyInstanceUID with known files elsewhere, those are read again, so that the preferred
    series of a study and the separation of patients do not depend on the order of indexing.
    ``without``: files and folders to skip. ``about``: a table with facts about files other than DICOM.
    Raises UsageError for a path that does not exist.
    """
    gathered, seen, known = _Gathered(), set[tuple[int, int]](), known or {}
    about_hash = partial(_about_hash, about=about, pseudonyms=pseudonyms) if about else None
    folders = list(walk(map(_of_directory, paths), without, seen))
    rest = [] if again else [folder for folder in folders if folder.is_unchanged(known, about_hash)]
    unchanged, people = {id(folder) for folder in rest}, set[str]()
    reading = [folder for folder in folders if id(folder) not in unchanged]
    while reading:
        _gather_all(reading, gathered, progress)
        if not known:
            break
        people |= (touched := _people(gathered, pseudonyms, about) - people)
        shared = {path for path, one in known.items() if touched & one.people}
        reading = [folder for folder in rest if any(str(file.path) in shared for file in folder.files)]
        rest = [folder for folder in rest if all(str(file.path) not in shared for file in folder.files)]
        reading += folders_of(map(Path, sorted(shared)), seen)
    volumes = [f.path for folder in folders for f in folder.files if is_volume_file(f.path)] if about else []
    found = _judge(gathered, pseudonyms, settings, about)
    stamped = partial(_stamped, stamps=gathered.stamps)
    return replace(
        found,
        series=tuple(map(stamped, found.series)),
        excluded=tuple((stamped(series), exclusion) for series, exclusion in found.excluded),
        about_hashes={file.path: about_hash(file.path) for file in gathered.nifti} if about_hash else {},
        rows_without_file=about.without_file(volumes) if about else (),
    )


def _stamped(series: Series, stamps: Mapping[Path, tuple[int, int]]) -> Series:
    return replace(series, file_stamps=tuple(stamps[path] for path in series.files))


def _about_hash(path: Path, *, about: About, pseudonyms: Pseudonyms) -> str:
    """The hash of the table row about a file; '' without one."""
    said = about.of(path) if is_volume_file(path) else {}
    return pseudonyms.about(repr(sorted(said.items()))) if said else ""


def _people(gathered: _Gathered, pseudonyms: Pseudonyms, about: About | None) -> set[str]:
    """Hashes of the identifiers read so far, as in the index."""
    return {
        key
        for member in _members(gathered, about)
        for key in (pseudonyms.patient(member.name), pseudonyms.study(member.study_uid))
    }


def _of_directory(path: Path) -> Path:
    """The folder of a DICOMDIR if ``path`` is one, because its files lie there and below."""
    return path.parent if path.name.upper() == "DICOMDIR" and path.is_file() else path


def _gather_all(folders: Sequence[Folder], gathered: _Gathered, progress: Progress | None) -> None:
    total = sum(len(folder.files) for folder in folders)
    done = 0
    for folder in folders:
        for _ in _gather(folder, gathered):
            done += 1
            if progress:
                progress(done, total)


def _gather(folder: Folder, gathered: _Gathered) -> Iterator[None]:
    for file in folder.files:
        gathered.stamps[file.path] = (file.size, file.mtime_ns)
        if is_archive(file.path) and archive_of(file.path):  # listed by its own name
            gathered.unreadable[(file.path, _PACKED_TWICE)] = [file.path]
        elif is_volume_file(file.path) and not has_preamble(file.path):
            gathered.nifti.append(file)
        else:
            _gather_dicom(file, gathered)
        yield
    for archive, what in folder.left_out:
        gathered.unreadable[(archive, what)] = []
    if folder.unreachable:
        gathered.unreadable[(folder.path, f"{folder.unreachable} entries that cannot be reached")] = []


def _gather_dicom(file: File, gathered: _Gathered) -> None:
    slices = read_slices(file.path, gathered.seen)
    if isinstance(slices, NotReadable):
        gathered.unreadable.setdefault((file.path.parent, slices.kind), []).append(file.path)
    elif slices:
        first = slices[0].image
        within = f"{first.series_number} {slices[0].frame_of_reference_uid}"
        own = identity((first.study_uid, first.series_uid), within, file.path)
        gathered.slices.setdefault(own, []).extend(slices)


def _members(gathered: _Gathered, about: About | None) -> list[Member]:
    """The series of each person, ordered by identifiers; those of volume files have no slices.

    If slices of several people form one stack, it is one scan under several names and cannot be assigned to anyone. A
    series that was exported twice, each time under another name, is two scans.
    """
    members = []
    for own, slices in gathered.slices.items():
        parts = split_by_person(slices)
        if len(parts) > 1 and _is_one_scan(parts):
            members.append(Member(identity=own, slices=slices, person=person_of(parts[0]), patients=len(parts)))
            continue
        members += [Member(identity=own, slices=part, person=person_of(part)) for part in parts]
    members += nifti_members([file.path for file in gathered.nifti], about)
    return sorted(with_patients(members), key=lambda member: member.identity)


def _is_one_scan(parts: Sequence[Sequence[SliceHeader]]) -> bool:
    """Whether the slices of several people complete one another, rather than lie at the same places."""
    places = [{one.position_mm for one in part} for part in parts]
    if all(2 * len(one & other) >= min(len(one), len(other)) for one, other in combinations(places, 2)):
        return False
    return isinstance(build_stack([one for part in parts for one in part], step=Step.FIND), Stack)


def _judge(gathered: _Gathered, pseudonyms: Pseudonyms, settings: Settings, about: About | None) -> Found:
    sites = read_sites(settings.site_table)
    members = _members(gathered, about)
    judged = [
        *_dicom_series([one for one in members if one.slices], gathered, pseudonyms, settings, sites),
        *(
            _Judged(series=_named(series, sites, pseudonyms), exclusion=exclusion, cautions=cautions)
            for series, exclusion, cautions in nifti_series(
                [f.path for f in gathered.nifti], pseudonyms, settings, about, members=members
            )
        ),
    ]
    # In file order, as listed in a folder.
    judged.sort(key=lambda one: str(one.series.files[0]))
    words = {one.series.series_key: one.words for one in judged}
    chosen, others = choose_preferred([one.series for one in judged if one.exclusion is None], words)
    excluded = ((replace(j.series, is_preferred=False), j.exclusion) for j in judged if j.exclusion is not None)
    return Found(
        series=chosen,
        excluded=(*excluded, *others, *_unreadable(gathered, pseudonyms)),
        cautions={one.series.series_key: one.cautions for one in judged if one.cautions},
    )


def _named(series: Series, sites: Sequence[SiteRule], pseudonyms: Pseudonyms) -> Series:
    """A NIfTI series with its site, which only its folder can determine."""
    return replace(series, site_key=site_key(site_of(Source(file=series.files[0]), sites), pseudonyms))


def _dicom_series(
    members: Sequence[Member],
    gathered: _Gathered,
    pseudonyms: Pseudonyms,
    settings: Settings,
    sites: Sequence[SiteRule],
) -> Iterator[_Judged]:
    names = unique_names([member.identity.name for member in members])
    for member, name in zip(members, names, strict=True):
        own = replace(member.identity, name=name)
        try:
            yield from list(_judged(member, own, pseudonyms, settings, sites))
        except Exception as error:  # one series must not keep the others from being found
            kind = f"headers that cannot be understood ({type(error).__name__})"
            paths = sorted({one.path for one in member.slices})
            gathered.unreadable.setdefault((paths[0].parent, kind), []).extend(paths)


def _judged(
    member: Member, own: Identity, pseudonyms: Pseudonyms, settings: Settings, sites: Sequence[SiteRule]
) -> Iterator[_Judged]:
    for arranged in arrange(member.slices, step=Step.FIND):
        series = describe(arranged, own, pseudonyms, patient=member.patient, sites=sites)
        series = replace(
            series,
            patient_id_key=pseudonyms.patient(member.name),
            study_uid_key=pseudonyms.study(member.study_uid),
        )
        exclusion = exclusion_of(series, arranged, settings, patients=member.patients)
        cautions = (*arranged.cautions, *doubts_of(member))
        if exclusion is None and isinstance(arranged.stack, Stack):
            cautions += header_cautions(
                series, arranged.stack, is_stated=own.is_stated, has_patient_id=member.has_patient_id
            )
            series = replace(series, stack=without_identity(arranged.stack))
        yield _Judged(series=series, exclusion=exclusion, cautions=cautions, words=words_of(arranged))


def _unreadable(gathered: _Gathered, pseudonyms: Pseudonyms) -> Iterator[tuple[Series, Exclusion]]:
    """One entry per folder and kind of problem: counts without file names, which may contain a patient's name."""
    for (folder, kind), paths in sorted(gathered.unreadable.items()):
        key = f"files {folder.resolve()} {kind}"
        series = Series(
            series_key=pseudonyms.series(key),
            study_key=pseudonyms.study(key),
            patient_key=pseudonyms.patient(key),
            # Names the row in the output of `process`; never stored.
            series_instance_uid=printable(paths[0].name if len(paths) == 1 else folder.name),
            files=tuple(paths),
            modality="",
            is_preferred=False,
        )
        found = f"{len(paths)} file(s): {kind}" if paths else kind
        is_foreign = kind in ("not DICOM", "DICOMDIR")
        code = ExclusionCode.NOT_AN_IMAGE if is_foreign else ExclusionCode.UNREADABLE
        yield series, Exclusion(code=code, step=Step.FIND, found=found)
