"""Content of the About page: limits, settings, model cards, calibrations in use."""

from __future__ import annotations

import pkgutil
from importlib import import_module

from models import registry
from osteo_core import limits
from osteo_core.errors import BrokenPromiseError
from osteo_core.limits.limit import Limit
from osteo_core.settings import settings_as_dict
from pages.ui.services.records import ModelRow
from pages.ui.services.running_app import query, settings
from pages.ui.shared import wording

#: Words of names of limits that are written otherwise than in small letters.
_WRITTEN = {"HU": "HU", "ROI": "ROI", "KVP": "kVp", "R2": "R²", "SD": "SD", "Z": "Z-score", "QCT": "QCT"}
_WRITTEN |= {"EAST": "East", "ASIAN": "Asian", "HA": "HA", "K2HPO4": "K2HPO4", "CV": "CV"}
_SITE_SETTINGS = {
    "OSTEOPOROSIS_BELOW": "osteoporosis_below_mg_cm3",
    "NORMAL_ABOVE": "normal_above_mg_cm3",
    "CATEGORY_AGE_FROM": "category_age_from_years",
    "THICKNESS_MAXIMUM": "thickness_maximum_mm",
}


def _words(name: str) -> str:
    """'METAL_HU' as 'metal HU'."""
    return " ".join(_WRITTEN.get(word, word.lower()) for word in name.split("_"))


def all_limits() -> dict[str, Limit]:
    """Every limit by name, subject by subject. Raises BrokenPromiseError if two subjects define the same name."""
    subjects = [import_module(f"{limits.__name__}.{module.name}") for module in pkgutil.iter_modules(limits.__path__)]
    found: dict[str, Limit] = {}
    for name, value in ((name, value) for one in subjects for name, value in vars(one).items()):
        if isinstance(value, Limit) and found.setdefault(name, value) is not value:  # one that is imported is the same
            raise BrokenPromiseError(f"two modules of {limits.__name__} define {name}; keep one of them")
    return found


def limit_rows() -> list[dict[str, str]]:
    """Every limit in words; if the site chose another value, that value and the shipped one."""
    chosen = settings()
    rows = []
    for name, limit in all_limits().items():
        setting = _SITE_SETTINGS.get(name)
        value = float(getattr(chosen, setting)) if setting else limit.value
        shown = f"{value:g} {limit.unit}" + (f" (shipped: {limit.value:g})" if value != limit.value else "")
        words = _words(name) if name.split("_")[0] in _WRITTEN else wording.sentence(_words(name))
        rows.append(
            {
                "Limit": words,
                "Value": shown,
                "Beyond it": limit.beyond,
                "Source": limit.source,
                "Date": limit.date.replace("-", "‑"),
            }
        )
    return rows


def setting_rows() -> list[dict[str, str]]:
    """All settings of this site as they are in force."""
    return [{"Setting": name, "Value": value} for name, value in settings_as_dict(settings()).items()]


def model_rows() -> list[ModelRow]:
    """Every model with its card; reads text files, loads no network."""
    rows = []
    for model in registry.MODELS.values():
        card = model.folder / "CARD.md"
        named = registry.card(model.name) if (model.folder / "model.toml").is_file() else {}
        text = card.read_text(encoding="utf-8") if card.is_file() else ""
        rows.append(ModelRow(name=model.name, purpose=model.purpose, sha256=str(named.get("sha256", "")), card=text))
    return rows


def calibration_rows() -> list[dict[str, object]]:
    """The calibration lines behind the values in this store, with the number of series of each."""
    return [
        {
            "Line": row["name"],
            "Vendor and model": " ".join(filter(None, (row["vendor"], row["model"]))) or "any",
            "Tube voltage": wording.number(row["kvp"], unit="kVp"),
            f"Slope, {wording.UNIT} per HU": wording.number(row["slope"], 3),
            f"Intercept, {wording.UNIT}": wording.number(row["intercept"], 1),
            "Mineral": row["mineral"],
            "Source": row["source"],
            "Series": f"{row['series']:,}",
        }
        for row in query("calibrations").to_pylist()
    ]
