"""Range limits entered in the wrong order: the chips show what is applied, and each removes its own field."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from streamlit.testing.v1 import AppTest

Open = Callable[..., AppTest]


def chips(app: AppTest) -> dict[str, str]:
    return {one.key: one.label.replace("\\", "") for one in app.button if str(one.key).startswith("chip-")}


def test_ages_typed_the_wrong_way_round_are_shown_as_they_are_applied(filled_store: Path, open_page: Open) -> None:
    app = open_page(filled_store, "pages/prevalence.py", age_from="80", age_to="60")
    assert list(chips(app).values())[:2] == ["Age from 60", "Age to 80"]
    turned = [one.value for one in app.markdown if "patient" in one.value]
    straight = open_page(filled_store, "pages/prevalence.py", age_from="60", age_to="80")
    assert turned == [one.value for one in straight.markdown if "patient" in one.value]
    app.button(key=next(key for key, words in chips(app).items() if words == "Age from 60")).click().run()
    assert list(chips(app).values()) == ["Age from 80"]
