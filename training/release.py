"""Stage 3: put averaged weights into the model folders, half precision, with hash and recipe.

``python -m training.release spine_localiser --checkpoint data/training/localiser.pt --version 0.1.0``
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import logging
import shutil
import subprocess
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
licence = "CC BY-SA 4.0 (taught on VerSe masks); see CARD.md"

[input]
modality = "CT"
units = "HU"
axes = "LPS, isotropic"
spacing_mm = {spacing}
channels = 1
value_range_hu = [-1000, 2000]
scaling = "(HU - 100) / 300"

[output]
channels = {count}
classes = {classes}

[training]
recipe = "python -m {recipe}"
steps = {steps}
code = "{commit}"
"""
_RECIPES = {"spine_localiser": "training.localiser", "vertebra_segmentation": "training.vertebra"}


def commit_of_code() -> str:
    """The commit of the training code, marked if files differ from it."""
    ask = ("git", "rev-parse", "--short=12", "HEAD")
    head = subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip()
    changed = subprocess.run(
        ("git", "status", "--short", "training"), capture_output=True, text=True, check=True
    ).stdout
    return f"{head} with changes" if changed.strip() else head


def release(name: str, checkpoint: Path, version: str) -> None:
    """Write weights.safetensors, model.toml and training_log.csv of one model."""
    model = MODELS[name]
    state = torch.load(checkpoint, weights_only=False)
    path = model.folder / WEIGHTS
    save_file({key: value.half().contiguous() for key, value in state["mean"].items()}, path)
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
        recipe=_RECIPES[name],
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
    parser.add_argument("name", choices=sorted(_RECIPES))
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--version", default="0.1.0")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    release(arguments.name, arguments.checkpoint, arguments.version)


if __name__ == "__main__":
    main()
