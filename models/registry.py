"""All models that can be run, in one table. Importing this loads neither networks nor torch."""

from __future__ import annotations

import functools
import hashlib
import importlib
import math
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from osteo_core import measuring
from osteo_core.errors import UsageError, WeightsError

if TYPE_CHECKING:
    from torch import nn

    from osteo_core.records import Regressor, Segmenter

_HERE = Path(__file__).parent
WEIGHTS = "weights.safetensors"


@dataclass(frozen=True, kw_only=True)
class Model:
    """One model folder: its purpose, and whether it is released (has weights that are in use)."""

    name: str
    purpose: str
    released: bool

    @property
    def folder(self) -> Path:
        """Folder of the network, card and weights."""
        return _HERE / self.name


MODELS: dict[str, Model] = {
    model.name: model
    for model in (
        Model(name="spine_localiser", purpose="finds the spine and its levels in a whole volume, 5 mm", released=True),
        Model(name="vertebra_segmentation", purpose="outlines vertebral bodies near the spine, 1.25 mm", released=True),
        Model(name="bmd_regression", purpose="reads vBMD of one body, beside the calibrated value", released=True),
    )
}

#: The networks of the segmentation engine; its hash covers both.
SEGMENTATION = ("spine_localiser", "vertebra_segmentation")
#: The network that reads vBMD in addition to the calibration.
REGRESSION = "bmd_regression"


def card(name: str) -> dict[str, object]:
    """The fields of ``model.toml``."""
    if name not in MODELS:
        raise UsageError(f"there is no model {name!r}; there are {', '.join(MODELS)}")
    return tomllib.loads((MODELS[name].folder / "model.toml").read_text(encoding="utf-8"))


def weights_hash(name: str) -> str:
    """SHA-256 of the weights as stated on the card."""
    return str(card(name)["sha256"])


def code_hash(name: str) -> str:
    """SHA-256 of the code that turns a network's output into a result: the model's folder and what models share.

    Comments and docstrings do not count.

    This table is not included: releasing one model does not outdate the results of another.
    """
    shared = [file for file in _HERE.glob("*.py") if file.name != Path(__file__).name]
    return measuring.code_hash([*shared, *MODELS[name].folder.glob("*.py")])


@functools.cache
def model_hash(name: str) -> str:
    """Twelve hex digits for a result's provenance: weights and code; the segmentation engine's covers both networks.

    The code is included because the same weights with other numbering rules give another result. The same holds for
    the factor on the card that scales a network's stated SDs.
    """
    parts = SEGMENTATION if name == "vertebra_segmentation" else (name,)
    stated = "".join(weights_hash(part) + code_hash(part) for part in parts)
    if name == REGRESSION:
        stated += str(_sd_factor())
    return hashlib.sha256(stated.encode()).hexdigest()[:12]


def checked_weights(name: str) -> Path:
    """The path of the weights after their SHA-256 has been compared with the card."""
    stated = weights_hash(name)
    if not MODELS[name].released:
        raise WeightsError(f"model {name} is not released: it has no weights (see its CARD.md)")
    path = MODELS[name].folder / WEIGHTS
    if not path.exists():
        raise WeightsError(f"model {name}: {path} is missing; restore it from the repository")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != stated:
        raise WeightsError(
            f"model {name}: the SHA-256 of {path} is {found}, its card says {stated}; "
            "restore the file from the repository"
        )
    return path


def load(name: str) -> nn.Module:
    """The network with verified weights, ready to run."""
    import torch
    from safetensors.torch import load_file

    path = checked_weights(name)
    network = importlib.import_module(f"models.{name}.network").build()
    state = load_file(path)
    network.load_state_dict(
        {key: value.float() if value.is_floating_point() else value for key, value in state.items()}
    )
    found: nn.Module = network.eval().to(memory_format=torch.channels_last_3d)
    return found


@functools.cache
def load_segmenter() -> Segmenter:
    """The segmentation engine, loaded once per process."""
    from models.vertebra_segmentation.segmenter import VertebraSegmenter

    return VertebraSegmenter(
        load("spine_localiser"), load("vertebra_segmentation"), model_hash=model_hash("vertebra_segmentation")
    )


@functools.cache
def load_regressor() -> Regressor | None:
    """The network that reads vBMD beside the calibration, loaded once per process; None until it is released."""
    if not MODELS[REGRESSION].released:
        return None
    from models.bmd_regression.regress import BmdRegressor, SdFactor

    return BmdRegressor(
        load(REGRESSION),
        model_hash=model_hash(REGRESSION),
        sd_factor=SdFactor(**_sd_factor()),
    )


def _sd_factor() -> dict[str, float]:
    """The card's factors for the regression's stated SDs; raises WeightsError if the card has none."""
    output = card(REGRESSION)["output"]
    stated = output.get("sd_factor") if isinstance(output, dict) else None
    found = stated if isinstance(stated, dict) else {}
    usable = all(isinstance(factor, float) and 0 < factor < math.inf for factor in found.values())
    if not usable or set(found) != {"native", "enhanced"}:
        raise WeightsError(
            f"model {REGRESSION}: model.toml must state a positive native and enhanced factor under "
            f"[output.sd_factor], found {stated}; release the model again (python -m training.release)"
        )
    return found
