"""Stage 3: write averaged weights to the model folders, in half precision, with hash and recipe.

``python -m training.release spine_localiser --checkpoint data/training/localiser.pt --version 0.1.0``
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import logging
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file

from models.registry import MODELS, WEIGHTS

log = logging.getLogger("training.release")
_TEMPLATE = """\
name = "{name}"
version = "{version}"
released = true
purpose = "{purpose}"
sha256 = "{sha256}"
licence = "{licence}"

[input]
modality = "CT"
units = "HU"
axes = "LPS, isotropic"
spacing_mm = {spacing}
channels = {channels}
value_range_hu = {value_range_hu}
scaling = "{scaling}"

[output]
channels = {count}
classes = {classes}
{factors}
[training]
recipe = "python -m {recipe}"
steps = {steps}
code = "{commit}"
"""


@dataclass(frozen=True, kw_only=True)
class Released:
    """A card's fields on one model beyond its network: who trained it, on which data, and its input."""

    recipe: str
    licence: str = "CC BY-SA 4.0 (taught on VerSe masks); see CARD.md"
    channels: int = 1
    value_range_hu: tuple[int, int] = (-1000, 2000)
    scaling: str = "(HU - 100) / 300"
    states_sd: bool = False


RELEASED = {
    "spine_localiser": Released(recipe="training.localiser"),
    "vertebra_segmentation": Released(recipe="training.vertebra"),
    "bmd_regression": Released(
        recipe="training.bmd",
        licence="no licence of data binds them (taught on simulated patients alone); see CARD.md",
        channels=3,
        value_range_hu=(-300, 700),
        scaling="HU: (HU - 100) / 200; body: its share of the voxel, 0-1; tube voltage: (kVp - 120) / 20",
        states_sd=True,
    ),
}


def commit_of_code() -> str:
    """The commit of the training code, with a mark if files differ from it."""
    ask = ("git", "rev-parse", "--short=12", "HEAD")
    head = subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip()
    changed = subprocess.run(
        ("git", "status", "--short", "training"), capture_output=True, text=True, check=True
    ).stdout
    return f"{head} with changes" if changed.strip() else head


def halved(name: str, weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Floats in half precision, counters unchanged; raises ValueError if a number does not fit half precision."""
    found = {key: (value.half() if value.is_floating_point() else value).contiguous() for key, value in weights.items()}
    lost = [key for key, value in found.items() if value.is_floating_point() and not value.isfinite().all()]
    if lost:
        raise ValueError(f"{name}: {', '.join(lost)} cannot be written in half precision; teach it again")
    return found


def _factors(judged: Mapping[str, float]) -> str:
    rows = (f"{group} = {float(judged[f'sd_factor_{group}'])!r}\n" for group in ("native", "enhanced"))
    return "\n[output.sd_factor]\n" + "".join(rows)


def release(name: str, checkpoint: Path, version: str) -> None:
    """Write weights.safetensors, model.toml and training_log.csv of one model."""
    model, about = MODELS[name], RELEASED[name]
    state = torch.load(checkpoint, weights_only=False)
    weights = halved(name, state["mean"])
    factors = _factors(state["judged"]) if about.states_sd else ""
    path = model.folder / WEIGHTS
    save_file(weights, path)
    path.chmod(0o644)
    network = importlib.import_module(f"models.{name}.network")
    text = _TEMPLATE.format(
        name=name,
        version=version,
        purpose=model.purpose,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        spacing=network.GRID_MM,
        count=len(network.CLASSES),
        classes=str(list(network.CLASSES)).replace("'", '"'),
        licence=about.licence,
        channels=about.channels,
        value_range_hu=list(about.value_range_hu),
        scaling=about.scaling,
        factors=factors,
        recipe=about.recipe,
        steps=state["step"],
        commit=commit_of_code(),
    )
    (model.folder / "model.toml").write_text(text, encoding="utf-8")
    notes = checkpoint.with_name(f"{checkpoint.stem}_log.csv")
    if notes.exists():
        shutil.copy(notes, model.folder / "training_log.csv")
    log.info("%s: %d steps, %.1f MB", name, state["step"], path.stat().st_size / 1e6)


def main() -> None:
    """Release one model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=sorted(RELEASED))
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--version", default="0.1.0")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    release(arguments.name, arguments.checkpoint, arguments.version)


if __name__ == "__main__":
    main()
