"""``send`` to a real SCP that accepts, refuses, dies and comes back, and never holds a read twice."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydicom import dcmread
from pydicom.uid import Comprehensive3DSRStorage, SegmentationStorage
from pynetdicom.sop_class import Verification

from commands import pacs, store_access
from commands.command import Answer
from db.parts import write_parts
from db.rows import indexed_tables
from osteo_core.__main__ import main, run
from osteo_core.dicom.find import find_series
from osteo_core.dicom.seg import read_seg
from osteo_core.errors import UsageError
from osteo_core.exchange.uids import SEG, SR, uid_of
from osteo_core.imaging.resample import resample_labels
from osteo_core.review.decisions import Decisions
from osteo_core.review.reads import Role, Verdict
from osteo_core.settings import Settings
from osteo_core.simulate.headers import IMAGE_COMMENTS
from osteo_core.terms import Level
from pages.ui import services
from pages.ui.services import review, review_case
from pages.ui.services.store_holder import close_holder
from tests.builders.pacs import TITLE, FakePacs, free_port
from tests.builders.reading import ReadingCase, build_reading_store, fill_store
from tests.builders.sending import PSEUDONYMS, build_dicom_case, build_sending_store, sign, write_key
from tests.house.sources import ROOT
from tests.pages.services.test_review import signature


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[ReadingCase]]:
    folder = tmp_path_factory.mktemp("sending")
    return folder, build_sending_store(folder)


@pytest.fixture
def store(built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the store with the CTs in their original place; a PACS is configured and pauses are short."""
    shutil.copytree(built[0] / "store", tmp_path / "store")
    write_key(tmp_path)
    monkeypatch.setattr(pacs, "PAUSES_S", (0.01, 0.02))
    monkeypatch.setenv("OSTEO_PACS_HOST", "127.0.0.1")
    monkeypatch.setenv("OSTEO_PACS_AE_TITLE", TITLE)
    monkeypatch.setenv("OSTEO_PACS_PORT", str(free_port()))
    return tmp_path / "store"


@pytest.fixture
def start(store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., FakePacs]]:
    """Starts a PACS on the port in the settings."""
    running: list[FakePacs] = []

    def started(**given: Any) -> FakePacs:
        one = FakePacs(**given).__enter__()
        running.append(one)
        monkeypatch.setenv("OSTEO_PACS_PORT", str(one.port))
        return one

    yield started
    for one in running:
        one.stop()


def send(store: Path, *more: str) -> Answer:
    return run(["send", "--store", str(store), *more])


def sent(store: Path) -> list[dict[str, Any]]:
    """The payloads of the recorded events."""
    with store_access.store_to_read(store) as reader:
        rows = reader.table("events").to_pylist()
    return [json.loads(row["payload_json"]) | {"author": row["author"]} for row in rows if row["kind"] == "sent"]


def read_ids(store: Path) -> list[str]:
    with store_access.store_to_read(store) as reader:
        return [row["event_id"] for row in reader.query("signed_reads").to_pylist()]


def expected(store: Path) -> set[str]:
    return {uid_of(PSEUDONYMS, one, what) for one in read_ids(store) for what in (SEG, SR)}


def test_all_that_is_signed_is_sent_once_and_noted(store, start) -> None:
    taker = start()
    answer = send(store, "--author", "night")
    assert answer.code == 0
    assert answer.sentences == ("2 signed reads (4 objects) sent, 0 failed, 0 left out.",)
    assert set(taker.held) == expected(store)
    assert taker.kinds() == ["SEG", "SEG", "SR", "SR"]
    notes = sent(store)
    assert {note["sop_instance_uid"] for note in notes} == set(taker.held)
    assert {(note["to"], note["author"]) for note in notes} == {(TITLE, "night")}
    assert {note["read"] for note in notes} == set(read_ids(store))
    again = send(store)
    assert (again.code, again.document["reads"], len(taker.received)) == (0, 0, 4)


def test_where_all_is_sent_nobody_is_asked(store, start) -> None:
    send_all = start()
    send(store)
    send_all.stop()
    assert send(store).code == 0


def test_nothing_of_a_patient_is_in_what_is_said_noted_or_logged(store, start, capsys, caplog) -> None:
    caplog.set_level("DEBUG")
    start(answer=lambda n: 0xC000 if n == 0 else 0x0000)
    assert main(["send", "--store", str(store)]) == 1
    said = "".join(capsys.readouterr()) + caplog.text + json.dumps(sent(store))
    for word in ("NEVER", "PID-", "ACC-", "1955", "1.2.826.0.1.3680043.8.498.7", "ct_0"):
        assert word not in said


def test_a_pacs_that_refuses_us_or_is_not_there_is_named_and_all_waits(store, start) -> None:
    nobody = send(store)
    assert nobody.code == 1
    assert "cannot be reached (it accepts no connection)" in nobody.document["stopped"]
    assert nobody.document["waiting"] == 2
    refusing = start(calling=("SOMEBODYELSE",))
    refused = send(store)
    assert refused.code == 1
    assert "refuses us as OSTEO" in refused.document["stopped"]
    assert refusing.received == []
    assert sent(store) == []


def test_an_object_that_is_refused_once_is_tried_again(store, start) -> None:
    taker = start(answer=lambda n: 0xA700 if n == 0 else 0x0000)
    assert send(store).code == 0
    assert len(taker.received) == 5
    assert set(taker.held) == expected(store)


def test_one_study_that_is_refused_does_not_stop_the_other_and_is_tried_by_the_next_run(store, start) -> None:
    taker = start(answer=lambda n: 0xC000 if n == 0 else 0x0000)
    answer = send(store)
    assert answer.code == 1
    assert answer.document["failed"] == {"the PACS did not store it (status 0xC000)": 1}
    assert taker.kinds() == ["SEG", "SR"]
    assert send(store).code == 0
    assert set(taker.held) == expected(store)
    assert len(sent(store)) == 4


def test_what_the_pacs_holds_already_or_takes_with_a_warning_counts(store, start) -> None:
    taker = start(answer=lambda n: 0x0111 if n == 0 else 0xB000)
    assert send(store).document["reads"] == 2
    assert len(taker.received) == 4
    assert len(sent(store)) == 4


def test_an_association_that_dies_in_mid_transfer_is_made_anew(store, start) -> None:
    taker = start(answer=lambda n: None if n in (1, 2) else 0x0000)
    assert send(store).code == 0
    assert set(taker.held) == expected(store)
    assert len(taker.received) == 6


def test_a_pacs_that_dies_and_comes_back_gets_the_rest_and_nothing_twice(
    store, start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pacs, "_ANSWER_S", 3.0)
    monkeypatch.setattr(pacs, "_CONNECT_S", 1.0)  # its port may accept a connection that nobody answers
    first: FakePacs = start(answer=lambda n: dying(n))

    def dying(n: int) -> int | None:
        if n < 2:
            return 0x0000
        first._server.shutdown()  # accepts no new connection
        return None

    answer = send(store)
    assert answer.code == 1
    assert "cannot be reached" in answer.document["stopped"]
    assert answer.document["waiting"] == 1
    assert len(sent(store)) == 2
    second = start()
    assert send(store).code == 0
    assert set(first.held) | set(second.held) == expected(store)
    assert set(first.held).isdisjoint(second.held)


def test_files_are_written_where_they_are_asked_for_and_nothing_is_noted(store, tmp_path: Path) -> None:
    answer = send(store, "--to", str(tmp_path / "out"))
    files = sorted((tmp_path / "out").iterdir())
    assert answer.sentences == (f"2 signed reads (4 objects) written to {tmp_path / 'out'}, 0 failed, 0 left out.",)
    assert {dcmread(file).SOPInstanceUID for file in files} == {file.stem for file in files} == expected(store)
    before = [file.read_bytes() for file in files]
    send(store, "--to", str(tmp_path / "out"))
    assert [file.read_bytes() for file in files] == before
    assert sent(store) == []


def test_without_a_pacs_or_a_folder_it_says_what_to_set(store, monkeypatch) -> None:
    monkeypatch.delenv("OSTEO_PACS_HOST")
    with pytest.raises(UsageError, match=r"under \[pacs\]"):
        send(store)


def test_a_second_run_beside_one_that_is_at_work_ends_with_a_sentence(store, start) -> None:
    taker = start()
    with store_access.sending(store), pytest.raises(UsageError, match="another run of 'send' is active"):
        send(store)
    assert taker.received == []
    assert send(store).code == 0


def test_a_store_that_is_not_there_is_named(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("OSTEO_PACS_HOST", "127.0.0.1")
    monkeypatch.setenv("OSTEO_PACS_AE_TITLE", TITLE)
    with pytest.raises(UsageError, match="there is no store at"):
        send(tmp_path / "none")


def test_one_patient_is_sent_again_when_named(store, built, start) -> None:
    taker = start()
    send(store)
    key = built[1][0].result.series.patient_key
    assert send(store, "--patient", key).document["objects"] == 2
    assert (len(taker.received), len(taker.held)) == (6, 4)
    with pytest.raises(UsageError, match="no read of this patient is signed"):
        send(store, "--patient", "nobody")
    with pytest.raises(UsageError, match="--patient needs a pseudonym"):
        send(store, "--patient", "")


def test_a_pacs_without_segmentations_gets_the_reports_where_the_site_says_so(store, start, monkeypatch) -> None:
    taker = start(takes=(Comprehensive3DSRStorage,))
    refused = send(store)
    assert (refused.code, refused.document["objects"], taker.held) == (1, 0, {})
    ((why, n),) = refused.document["failed"].items()
    assert (n, "set outlines = false under [pacs]" in why) == (2, True)
    monkeypatch.setenv("OSTEO_PACS_OUTLINES", "false")
    assert send(store).document["objects"] == 2
    assert taker.kinds() == ["SR", "SR"]
    told = [str(one) for one in taker.held.values()]
    assert all("VBMD" in one and str(SegmentationStorage) not in one for one in told)
    monkeypatch.setenv("OSTEO_PACS_OUTLINES", "true")
    assert send(store).document["reads"] == 0


def test_a_pacs_without_reports_is_told(store, start) -> None:
    start(takes=(SegmentationStorage,))
    answer = send(store)
    assert answer.document["failed"] == {"the PACS does not accept Comprehensive 3D SR objects; enable them there": 2}


def test_a_damaged_mask_is_told_as_one(store, tmp_path: Path) -> None:
    masks = sorted((store / "media").glob("*_mask.nii.gz"))
    masks[0].write_bytes(masks[0].read_bytes()[:200])
    answer = send(store, "--to", str(tmp_path / "out"))
    assert answer.document["left_out"] == {
        "the file of its outlines in the store is damaged; 'check' says what to do": 1
    }
    assert answer.document["reads"] == len(masks) - 1


def test_a_later_read_names_the_report_that_it_replaces(store, built, start) -> None:
    taker, case = start(), built[1][0]
    send(store)
    (later,) = sign(store, [case], later=1)
    assert send(store).document["objects"] == 2
    (report,) = (one for uid, one in taker.held.items() if uid == uid_of(PSEUDONYMS, later.event_id, SR))
    former = report.PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence[0]
    assert former.ReferencedSOPInstanceUID in set(taker.held) - {report.SOPInstanceUID}
    (rejected,) = sign(store, [case], later=2, verdict=Verdict.REJECT, words="moved")
    assert send(store).document["objects"] == 1
    withdrawn = taker.held[uid_of(PSEUDONYMS, rejected.event_id, SR)]
    former = withdrawn.PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence[0]
    assert former.ReferencedSOPInstanceUID == uid_of(PSEUDONYMS, later.event_id, SR)


def test_a_rejected_read_of_which_nothing_was_sent_is_not_told(store, built, start) -> None:
    sign(store, built[1], later=1, verdict=Verdict.REJECT, words="moved")
    assert send(store).document["reads"] == 0


def test_what_two_readers_dispute_waits_for_an_adjudicator(store, built, start) -> None:
    taker = start()
    sign(store, built[1][:1], later=1, reader="CD", role=Role.SECOND, verdict=Verdict.REJECT, words="moved")
    answer = send(store)
    assert (answer.code, answer.document["reads"]) == (0, 1)
    assert answer.document["left_out"] == {"two readers disagree and no adjudicator has signed": 1}
    assert len(taker.held) == 2


def test_a_report_that_is_disputed_after_it_was_sent_is_reported_at_every_run(store, built, start) -> None:
    start()
    send(store)
    sign(store, built[1][:1], later=1, reader="CD", role=Role.SECOND, verdict=Verdict.REJECT, words="moved")
    why = "two readers disagree and no adjudicator has signed, and the PACS shows an earlier report as verified"
    for _ in range(2):
        assert send(store).document["left_out"] == {why: 1}
    sign(store, built[1][:1], later=2)  # the first reader once more, who still disagrees with the second
    assert send(store).document["left_out"] == {why: 1}
    sign(store, built[1][:1], later=3, reader="EF", role=Role.ADJUDICATOR)
    answer = send(store).document
    assert (answer["objects"], answer["left_out"]) == (2, {})


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda file: file.unlink(), "1 of its 68 source files are not where they were"),
        (lambda file: file.write_bytes(file.read_bytes() + b"\0\0"), "1 of its 68 source files have been replaced"),
        (lambda file: renamed(file, b"PID-0", b"PID-9"), "its source files name another patient or study"),
        (lambda file: renamed(file, b".498.7.0", b".498.7.9"), "its source files name another patient or study"),
    ],
    ids=["gone", "replaced", "another patient's", "another study's"],
)
def test_a_source_that_is_gone_or_replaced_is_told_and_nothing_of_it_sent(
    store, built, start, spoil, words: str
) -> None:
    taker, folder = start(), built[0] / "ct_0"
    kept = folder.with_name("kept")
    shutil.copytree(folder, kept)  # with the files' times
    try:
        spoil(folder / "007.dcm")
        answer = send(store)
    finally:
        shutil.rmtree(folder)
        kept.rename(folder)
    assert (answer.code, answer.document["reads"], len(taker.held)) == (0, 1, 2)
    ((why, n),) = answer.document["left_out"].items()
    assert why.startswith(words)
    assert n == 1


def renamed(file: Path, old: bytes, new: bytes) -> None:
    """Replace the name in all files of the folder, keeping their size and time."""
    for one in file.parent.iterdir():
        status = one.stat()
        one.write_bytes(one.read_bytes().replace(old, new))
        os.utime(one, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_files_that_the_index_has_seen_anew_since_the_signature_are_not_sent(store, built, start) -> None:
    """Their size and time match the index, but the outlines were made from the files before."""
    start()
    folder = built[0] / "ct_0"
    kept = folder.with_name("kept")
    shutil.copytree(folder, kept)
    try:
        file = folder / "007.dcm"
        file.write_bytes(file.read_bytes() + b"\0\0")
        found = find_series([folder], pseudonyms=PSEUDONYMS, settings=Settings())
        write_parts(store, indexed_tables(found))
        answer = send(store)
    finally:
        shutil.rmtree(folder)
        kept.rename(folder)
    assert answer.document["left_out"] == {"its source files were replaced since they were measured and signed": 1}
    assert answer.document["reads"] == 1


def test_outlines_that_a_reader_corrected_are_sent_as_they_were_signed(tmp_path: Path, monkeypatch) -> None:
    def simulated(data, _: int) -> None:
        data.ImageComments = IMAGE_COMMENTS

    write_key(tmp_path)
    case = fill_store(tmp_path, [build_dicom_case(tmp_path, 0, simulated)])[0]
    monkeypatch.setenv("OSTEO_STORE", str(tmp_path / "store"))
    try:
        view = services.model_view(services.patient(case.key))
        shown = review_case.case_of(view)
        labels = np.array(shown.model.labels)
        labels[labels == Level.L1] = 0
        i, j, k = (axis[0] for axis in np.nonzero(labels == Level.L2))
        labels[i : i + 2, j, k] = 0
        sent_mask = nibabel.Nifti1Image(labels, np.diag([-1.0, -1, 1, 1]) @ shown.volume.geometry.affine_lps)
        ticket = review.open_ticket(view, reader="AB", base=view.model_hash)
        saved = review.save_mask(ticket, gzip.compress(sent_mask.to_bytes()))
        given = {"verdict": Verdict.CORRECT, "version": saved.version, "decisions": Decisions()}
        read = review.sign(view, signature(view, "AB", Role.FIRST, **given))
        answer = send(tmp_path / "store", "--to", str(tmp_path / "out"))
    finally:
        close_holder(tmp_path / "store")
    assert answer.document["objects"] == 2
    file = tmp_path / "out" / f"{uid_of(PSEUDONYMS, read.event_id, SEG)}.dcm"
    found = read_seg(file, lambda segment: Level[segment.words[0]])
    geometry = shown.volume.geometry
    assert np.array_equal(resample_labels(found.labels, found.geometry, geometry), labels)
    kinds = {item.SegmentLabel: item.SegmentAlgorithmType for item in dcmread(file).SegmentSequence}
    assert kinds == {"T12": "AUTOMATIC", "L2": "SEMIAUTOMATIC", "L3": "AUTOMATIC"}
    report = dcmread(tmp_path / "out" / f"{uid_of(PSEUDONYMS, read.event_id, SR)}.dcm")
    assert report.SeriesDescription == "SIMULATED, Bone density of the spine, research use"
    assert report.VerifyingObserverSequence[0].VerifyingObserverName.family_name == "AB"


def test_a_source_without_a_dicom_header_is_told(tmp_path: Path, monkeypatch) -> None:
    cases = build_reading_store(tmp_path, spines=({level: 106.0 for level in (19, 20, 21, 22)},))  # type: ignore[arg-type]
    write_key(tmp_path)
    sign(tmp_path / "store", cases)
    answer = send(tmp_path / "store", "--to", str(tmp_path / "out"))
    assert answer.document["left_out"] == {"its source is not DICOM and names no patient or study": 1}


KILLED = """
import os, signal, sys
from commands import send
from osteo_core.__main__ import run
def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
send.record = die
run(sys.argv[1:])
"""


def killed_before_the_note(store: Path) -> None:
    """Send the first object and get killed before recording that."""
    command = [sys.executable, "-c", KILLED, "send", "--store", str(store)]
    ended = subprocess.run(command, cwd=ROOT, check=False, capture_output=True)
    assert ended.returncode == -9, ended.stderr.decode()[-500:]


def test_a_kill_between_the_pacs_and_the_note_sends_the_same_object_again(store, start) -> None:
    taker = start()
    killed_before_the_note(store)
    assert len(taker.held) == 1
    assert sent(store) == []
    send(store)
    assert len(taker.received) == 5
    assert set(taker.held) == expected(store)


def test_ctrl_c_keeps_what_was_confirmed(store, start, monkeypatch, capsys) -> None:
    taker = start()
    stored = pacs.Pacs.store

    def interrupted(self, made) -> None:
        if len(taker.received) == 2:
            raise KeyboardInterrupt
        stored(self, made)

    with monkeypatch.context() as patched:
        patched.setattr(pacs.Pacs, "store", interrupted)
        assert main(["send", "--store", str(store)]) == 130
    assert len(sent(store)) == 2
    send(store)
    assert (len(taker.received), set(taker.held)) == (4, expected(store))


def test_a_ctrl_c_in_the_middle_of_an_answer_ends_the_command(store, start) -> None:
    answering = threading.Event()

    def slowly(n: int) -> int:
        if n == 1:
            answering.set()
            time.sleep(5)
        return 0x0000

    taker = start(answer=slowly)
    command = [sys.executable, "-m", "osteo_core", "send", "--store", str(store)]
    running = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert answering.wait(120)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert (running.returncode, "Traceback" in said) == (130, False), said
    send(store)
    assert set(taker.held) == expected(store)


@pytest.mark.parametrize("says", [b"", b"\x02\x00\x00"], ids=["nothing", "half a message"])
def test_a_pacs_that_takes_the_connection_and_falls_silent_is_given_up(store, monkeypatch, says: bytes) -> None:
    monkeypatch.setattr(pacs, "_CONNECT_S", 0.2)
    monkeypatch.setattr(pacs, "_ANSWER_S", 0.3)
    taken: list[socket.socket] = []

    def take(mute: socket.socket) -> None:
        with contextlib.suppress(OSError):  # it is closed at the end
            while True:
                taken.append(mute.accept()[0])
                taken[-1].sendall(says)

    with socket.create_server(("127.0.0.1", 0)) as mute:
        threading.Thread(target=take, args=(mute,), daemon=True).start()
        monkeypatch.setenv("OSTEO_PACS_PORT", str(mute.getsockname()[1]))
        answer = send(store)
    assert answer.code == 1
    assert "cannot be reached" in answer.document["stopped"]


@pytest.mark.parametrize("host", ["no.such.host.invalid", "two..dots"])
def test_a_host_that_nobody_knows_is_told(store, monkeypatch, host: str) -> None:
    monkeypatch.setenv("OSTEO_PACS_HOST", host)
    answer = send(store)
    assert (answer.code, answer.document["waiting"]) == (1, 2)
    assert f"{host}, port" in answer.document["stopped"]


def test_a_pacs_that_does_not_know_c_echo_is_told(store, start) -> None:
    taker = start()
    taker._ae.remove_supported_context(Verification)
    taker.stop()
    taker.__enter__()
    answer = send(store)
    assert answer.code == 1
    assert "does not answer to C-ECHO" in answer.document["stopped"]


def test_it_sends_while_the_app_owns_the_store(store, start, monkeypatch) -> None:
    taker = start()
    monkeypatch.setenv("OSTEO_STORE", str(store))
    try:
        assert services.cohort_numbers(seen_by=None).series == 2  # the app opens the store
        assert send(store).code == 0
        assert len(taker.held) == 4
        assert send(store).document["reads"] == 0
    finally:
        close_holder(store)
    assert len(sent(store)) == 4


def test_tls_is_spoken_where_the_site_names_who_vouches_for_the_pacs(store, start, tmp_path: Path, monkeypatch) -> None:
    own = certificate(tmp_path / "own.pem")
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(own))
    server.load_cert_chain(str(own))
    server.verify_mode = ssl.CERT_REQUIRED
    taker = start(tls=server)
    plain = send(store)
    assert "cannot be reached" in plain.document["stopped"]
    monkeypatch.setenv("OSTEO_PACS_TLS_CA", str(own))
    monkeypatch.setenv("OSTEO_PACS_TLS_CERTIFICATE", str(own))
    assert send(store).code == 0
    assert set(taker.held) == expected(store)
    (tmp_path / "none.pem").write_text("no PEM")
    monkeypatch.setenv("OSTEO_PACS_TLS_CA", str(tmp_path / "none.pem"))
    assert main(["send", "--store", str(store), "--patient", "x"]) == 2


def certificate(path: Path) -> Path:
    """A self-signed certificate for 127.0.0.1, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(made.public_bytes(pem) + plain)
    return path
