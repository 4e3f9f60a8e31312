"""Folder for maps, scans and checkpoints: the variable OSTEO_TRAINING, or data/training (not in git)."""

from __future__ import annotations

import os
from pathlib import Path

WORKPLACE = Path(os.environ.get("OSTEO_TRAINING", "data/training"))
