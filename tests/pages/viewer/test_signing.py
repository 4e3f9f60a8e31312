"""Signed addresses open only what they were made for, and only while they are valid."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from pages.ui.viewer import signing


def parts(address: str) -> tuple[str, str, str]:
    split = urlsplit(address)
    query = parse_qs(split.query)
    return split.path, query["exp"][0], query["sig"][0]


def test_a_signed_address_is_valid_until_it_runs_out() -> None:
    path, expiry, signature = parts(signing.sign("/api/media/a_ct.nii.gz", subject="", clock=lambda: 1000.0))
    assert path == "/api/media/a_ct.nii.gz"
    assert 1000 + signing.LIFETIME_S <= int(expiry) <= 1000 + 1.5 * signing.LIFETIME_S
    assert signing.is_valid(path, expiry=expiry, signature=signature, subject="", clock=lambda: float(expiry))
    assert not signing.is_valid(path, expiry=expiry, signature=signature, subject="", clock=lambda: float(expiry) + 1)


def test_another_path_or_a_later_expiry_is_refused() -> None:
    path, expiry, signature = parts(signing.sign("/api/media/a_ct.nii.gz", subject="", clock=lambda: 1000.0))
    now = {"subject": "", "clock": lambda: 1000.0}
    assert not signing.is_valid("/api/media/b_ct.nii.gz", expiry=expiry, signature=signature, **now)
    assert not signing.is_valid(path, expiry=str(int(expiry) + 60), signature=signature, **now)
    assert not signing.is_valid(path, expiry="soon", signature=signature, **now)
    assert not signing.is_valid(path, expiry="", signature="", **now)


def test_an_address_of_one_person_opens_nothing_for_another() -> None:
    path, expiry, signature = parts(signing.sign("/api/picture/a_ct.nii.gz", subject="anna", clock=lambda: 1000.0))
    now = {"expiry": expiry, "signature": signature, "clock": lambda: 1000.0}
    opened = {subject: signing.is_valid(path, subject=subject, **now) for subject in ("anna", "bert", "")}
    assert opened == {"anna": True, "bert": False, "": False}


def test_the_address_stays_the_same_for_a_while_so_that_the_browser_keeps_the_image() -> None:
    assert signing.sign("/x", subject="", clock=lambda: 1000.0) == signing.sign("/x", subject="", clock=lambda: 1700.0)
    assert signing.sign("/x", subject="", clock=lambda: 1000.0) != signing.sign("/x", subject="", clock=lambda: 1900.0)


@pytest.mark.parametrize(
    ("expiry", "signature"),
    [("9" * 5000, ""), ("٣" * 10, ""), ("9999999999", "ü"), ("9999999999", "\ud800"), ("-1", "0"), ("1e12", "0")],
)
def test_an_address_of_anything_is_refused_and_raises_nothing(expiry: str, signature: str) -> None:
    assert not signing.is_valid("/api/media/a.nii.gz", expiry=expiry, signature=signature, subject="")
