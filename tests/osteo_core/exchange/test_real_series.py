"""Real headers of five makers: the objects are valid, the voxels equal, and patient and study those of the CT."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from osteo_core.dicom.seg import read_seg
from osteo_core.errors import UsageError
from osteo_core.exchange.source import read_source
from osteo_core.imaging.resample import resample_labels
from osteo_core.terms import Level
from tests.osteo_core.dicom.finding import find, the_series
from tests.osteo_core.exchange.sending import blocks, made_from, read_back, written
from tests.shared_data import shared_data

SENT = ("ge_discovery_ls", "ge_revolution", "philips_brilliance16", "siemens_sensation64", "toshiba_aquilion")


def source_of(name: str):
    """The source as returned by a store: its headers are read again."""
    return read_source(replace(the_series(find(shared_data("ct", name))), stack=None))


@pytest.mark.parametrize("name", SENT)
def test_a_real_series_is_sent_as_sound_objects(tmp_path: Path, name: str) -> None:
    source = source_of(name)
    labels = blocks(source.geometry.shape)
    seg, report = made_from(source, labels=labels)
    for made in (seg, report):
        file = tmp_path / f"{made.Modality}.dcm"
        file.write_bytes(written(made))
        back = read_back(made)
        assert str(back.PatientID) == str(source.header.get("PatientID", ""))
        assert back.StudyInstanceUID == source.header.StudyInstanceUID
        if shutil.which("dciodvfy"):
            said = subprocess.run(
                ["dciodvfy", str(file)], capture_output=True, text=True, check=False, errors="replace"
            )
            assert [line for line in said.stderr.splitlines() if line.startswith("Error")] == []
    read = read_seg(tmp_path / "SEG.dcm", lambda segment: Level[segment.words[0]])
    assert np.array_equal(resample_labels(read.labels, read.geometry, source.geometry), labels)


def test_a_series_whose_uids_were_taken_away_is_refused() -> None:
    with pytest.raises(UsageError, match="no valid StudyInstanceUID, SeriesInstanceUID"):
        source_of("siemens_biograph_mct")
