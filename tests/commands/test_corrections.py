"""``corrections``: signed corrections as a training set, complete or absent, without any text that names a person."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path

import nibabel
import numpy as np
import pytest

from commands.corrections import MANIFEST
from osteo_core.__main__ import run
from osteo_core.errors import UsageError
from osteo_core.review.decisions import Decisions, LeftOut, Reason
from osteo_core.review.reads import Role, Verdict
from osteo_core.terms import Level
from pages.ui import services
from pages.ui.services import review, review_case
from pages.ui.services.store_holder import close_holder
from tests.builders.reading import ReadingCase, build_reading_store
from tests.house.sources import ROOT
from tests.pages.services.test_review import drawn, signature

WORDS = "=screw of Mrs Mueller"


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[ReadingCase]]:
    """Two series: one signed with L1 erased and L2 excluded with a reason, the other accepted unchanged."""
    folder = tmp_path_factory.mktemp("signed")
    cases, store = build_reading_store(folder), folder / "store"
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("OSTEO_STORE", str(store))
        views = [services.model_view(services.patient(case.key)) for case in cases]
        assert services.corrected_where() == []
        saved = review.save_mask(review.open_ticket(views[0], reader="AB", base=views[0].model_hash), drawn(views[0]))
        decisions = Decisions(left_out={Level.L2: Reason(why=LeftOut.METAL, words=WORDS)})
        given = {"verdict": Verdict.CORRECT, "version": saved.version, "decisions": decisions}
        review.sign(views[0], signature(views[0], "AB", Role.FIRST, **given))
        review.sign(views[1], signature(views[1], "CD", Role.FIRST))
        model = np.array(review_case.case_of(views[0]).model.labels)
        close_holder(store)
    np.save(folder / "model.npy", model)
    return store, cases


def manifest(folder: Path) -> list[dict[str, str]]:
    with (folder / MANIFEST).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def labels_in(path: Path) -> dict[int, int]:
    values, counts = np.unique(np.asanyarray(nibabel.load(path).dataobj), return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))


def test_the_set_holds_ct_both_masks_and_the_reasons(signed, tmp_path: Path, capsys) -> None:
    answer = run(["corrections", "--store", str(signed[0]), "--out", str(tmp_path / "set"), "--json"])
    assert json.loads(capsys.readouterr().out)["cases"] == 1
    assert answer.document["left_out"] == {}
    folder = tmp_path / "set"
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*.nii.gz")) == [
        "case_0001/ct.nii.gz",
        "case_0001/model_mask.nii.gz",
        "case_0001/reader_mask.nii.gz",
    ]
    images = {path.name: nibabel.load(path) for path in folder.rglob("*.nii.gz")}
    assert len({image.shape for image in images.values()}) == 1
    assert len({image.affine.tobytes() for image in images.values()}) == 1

    # Voxel for voxel the same as in the source.
    source = nibabel.load(signed[1][0].result.series.files[0])
    crop = images["ct.nii.gz"]
    start = np.rint(np.linalg.inv(source.affine) @ crop.affine @ [0, 0, 0, 1])[:3].astype(int)
    step = np.rint(np.diag(np.linalg.inv(source.affine) @ crop.affine))[:3].astype(int)
    index = np.ix_(*[start[n] + step[n] * np.arange(crop.shape[n]) for n in range(3)])
    assert np.array_equal(np.asarray(source.dataobj)[index], np.asarray(crop.dataobj))

    before, after = (labels_in(folder / "case_0001" / f"{who}_mask.nii.gz") for who in ("model", "reader"))
    model = np.load(signed[0].parent / "model.npy")
    assert {n: count for n, count in before.items() if n} == {
        int(n): int((model == n).sum()) for n in np.unique(model) if n
    }
    assert int(Level.L1) not in after
    rows = {row["level"]: row for row in manifest(folder)}
    assert rows["L1"]["change"] == "taken out"
    assert (rows["L1"]["dice"], rows["L1"]["removed_voxels"]) == ("0.0000", str(before[20]))
    assert (rows["L2"]["change"], rows["L2"]["reason"]) == ("as the model", "metal")
    assert {row["reader"] for row in rows.values()} == {"reader 1"}


def test_nothing_in_it_names_a_person_a_key_or_a_path(signed, tmp_path: Path) -> None:
    run(["corrections", "--store", str(signed[0]), "--out", str(tmp_path / "set")])
    text = (tmp_path / "set" / MANIFEST).read_text(encoding="utf-8")
    for case in signed[1]:
        series = case.result.series
        for word in (
            series.series_key,
            series.patient_key,
            series.study_key,
            str(series.study_date),
            str(series.files[0]),
        ):
            assert word not in text
    assert "Mueller" not in text
    assert '"AB"' not in text
    run(["corrections", "--store", str(signed[0]), "--out", str(tmp_path / "words"), "--with-words"])
    words = (tmp_path / "words" / MANIFEST).read_text(encoding="utf-8")
    assert f",'{WORDS}," in words, "a cell that begins as a formula is written behind an apostrophe"


def test_a_folder_that_holds_something_is_never_overwritten(signed, tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="exists and is not empty; name a new folder"):
        run(["corrections", "--store", str(signed[0]), "--out", str(tmp_path / "set")])
    assert [path.name for path in tmp_path.rglob("*")] == ["set", "mine.txt"]


def test_without_a_correction_or_its_source_it_says_why_and_leaves_nothing(signed, tmp_path: Path) -> None:
    build_reading_store(tmp_path, spines=({level: 106.0 for level in (19, 20, 21, 22)},))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="no reader has signed a correction"):
        run(["corrections", "--store", str(tmp_path / "store"), "--out", str(tmp_path / "set")])
    ct = signed[1][0].result.series.files[0]
    ct.rename(ct.with_suffix(".away"))
    try:
        with pytest.raises(UsageError, match=r"none of the signed corrections .*source files are missing: 1"):
            run(["corrections", "--store", str(signed[0]), "--out", str(tmp_path / "set")])
    finally:
        ct.with_suffix(".away").rename(ct)
    assert not (tmp_path / "set").exists()
    assert list(tmp_path.glob(".set.*")) == []


KILLED = """
import os, signal, sys
from commands import corrections
from osteo_core.__main__ import run
write = corrections._write_case
def die(folder, case):
    write(folder, case)
    os.kill(os.getpid(), signal.SIGKILL)
corrections._write_case = die
run(sys.argv[1:])
"""


def test_a_killed_export_leaves_no_half_set_and_the_next_one_is_whole(signed, tmp_path: Path) -> None:
    arguments = ["corrections", "--store", str(signed[0]), "--out", str(tmp_path / "set")]
    killed = subprocess.run([sys.executable, "-c", KILLED, *arguments], cwd=ROOT, check=False, capture_output=True)
    assert killed.returncode == -9, killed.stderr.decode()[-500:]
    assert not (tmp_path / "set").exists()
    assert len(list(tmp_path.glob(".set.*.writing"))) == 1
    run(arguments)
    assert [path.name for path in tmp_path.iterdir()] == ["set"]
    assert len(manifest(tmp_path / "set")) == 4


def test_the_page_offers_the_same_set_and_counts_by_scanner(signed, tmp_path: Path, monkeypatch) -> None:
    shutil.copytree(signed[0], tmp_path / "store")
    monkeypatch.setenv("OSTEO_STORE", str(tmp_path / "store"))
    try:
        assert services.corrections_count(hidden=()) == 1
        with zipfile.ZipFile(BytesIO(services.corrections_zip())) as archive:
            assert len(archive.namelist()) == 4
        everything, scanner = services.corrected_where()
        assert (everything.signed, everything.corrected, everything.rejected) == (2, 1, 0)
        assert (everything.levels, everything.levels_corrected, everything.dice) == (8, 1, (0.0,))
        assert everything.left_out == {LeftOut.METAL: 1}
        assert scanner.scanner == "Other"
    finally:
        close_holder(tmp_path / "store")
