"""How commands open a store: whatever happens, it is released again."""

from __future__ import annotations

from pathlib import Path

import pytest

from commands.store_access import reading
from db.connect import Store, open_store
from osteo_core.errors import StoreError


def test_a_store_that_cannot_take_in_its_parts_is_released(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Store) -> int:
        raise StoreError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(Store, "take_in", refuse)
        with pytest.raises(StoreError, match="the disk is full") as refused, reading(tmp_path / "store"):
            pytest.fail("nothing can be read")
    open_store(tmp_path / "store").close()  # refused while the first one still holds it
    assert refused.value.args
