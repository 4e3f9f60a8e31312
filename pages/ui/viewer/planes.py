"""Three linked planes of a CT with its mask: NiiVue as a Streamlit component, without an iframe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from osteo_core.terms import MASK_LEVELS, Level
from pages.ui.shared.colours import LEVEL_COLOURS, rgb
from pages.ui.viewer.routes import asset_address, media_address

_FOLDER = Path(__file__).parent


def _part(suffix: str) -> str:
    return (_FOLDER / f"planes{suffix}").read_text(encoding="utf-8")


_component = st.components.v2.component("ct_planes", html=_part(".html"), css=_part(".css"), js=_part(".js"))


@dataclass(frozen=True, kw_only=True)
class Window:
    """Which HU are drawn from black to white."""

    name: str
    low_hu: float
    high_hu: float


WINDOWS = (
    Window(name="Bone", low_hu=-200.0, high_hu=900.0),
    Window(name="Trabecular", low_hu=-100.0, high_hu=400.0),
    Window(name="Soft tissue", low_hu=-160.0, high_hu=240.0),
)


def _to_ras(centre_lps_mm: tuple[float, float, float]) -> list[float]:
    return [-centre_lps_mm[0], -centre_lps_mm[1], centre_lps_mm[2]]


def level_data(centres_lps_mm: Mapping[Level, tuple[float, float, float]]) -> list[dict[str, Any]]:
    """The levels of a mask for the component: name, VerSe number, colour, centre in RAS mm (None when not outlined)."""
    return [
        {
            "name": level.name,
            "number": int(level),
            "rgb": rgb(LEVEL_COLOURS[level]),
            "centre_ras_mm": _to_ras(centres_lps_mm[level]) if level in centres_lps_mm else None,
        }
        for level in MASK_LEVELS
    ]


def show_planes(
    series_key: str,
    *,
    ct: Path,
    mask: Path | None,
    centres_lps_mm: Mapping[Level, tuple[float, float, float]],
    focus: Level | None = None,
    clicks: int = 0,
) -> None:
    """Draw the viewer. Each new number of ``clicks`` moves the planes to the level ``focus``."""
    _component(
        key=f"planes-{series_key}",
        data={
            "id": f"{ct.name}+{mask.name if mask else ''}",
            "lib": asset_address("niivue.js"),
            "ct_url": media_address(ct),
            "mask_url": media_address(mask) if mask else None,
            "levels": level_data(centres_lps_mm),
            "windows": [{"name": w.name, "low_hu": w.low_hu, "high_hu": w.high_hu} for w in WINDOWS],
            "focus": focus.name if focus else None,
            "clicks": clicks,
        },
    )
