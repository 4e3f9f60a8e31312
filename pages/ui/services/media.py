"""Images for the viewers: found in the store's media folder, or made in a spawned process and kept there.

The folder is bounded: when it grows over the setting ``media_limit_mb``, the pictures that were opened
longest ago go first. Masks are results and are never removed here.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from pages.ui.services.records import Images, PatientView, Scene
from pages.ui.viewer import fetch
from pages.ui.viewer.routes import media_address

MEDIA = "media"
_ROOT = Path(__file__).resolve().parents[3]
_LIMIT_S = 180
_making = threading.Lock()


def mask_file(media: Path, view: PatientView) -> Path:
    """The mask of this series; the media folder itself where it has none."""
    return media / view.mask_file


def ct_file(media: Path, view: PatientView) -> Path:
    """Where the viewer's CT of this series is kept; it is cut by the mask, and so goes with its model."""
    return media / f"{view.series_key}_{view.model_hash or 'none'}_ct.nii.gz"


def scene_file(media: Path, view: PatientView) -> Path:
    """Where the 3D scene of this series and model is kept."""
    return media / f"{view.series_key}_{view.model_hash}_scene.html"


def _spawn(module: str, asked: Mapping[str, object]) -> tuple[bool, str]:
    """Run a module with JSON on standard input; gives whether it went well, and what it said."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", module],
            input=json.dumps(asked),
            cwd=_ROOT,
            capture_output=True,
            text=True,
            timeout=_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False, f"it took more than {_LIMIT_S} seconds"
    lines = (done.stderr if done.returncode else done.stdout).strip().splitlines()
    return done.returncode == 0, lines[-1] if lines else ""


def find_images(media: Path, view: PatientView, *, limit_mb: int) -> Images:
    """CT and mask of a series; the CT is made from its source files when it is not there yet."""
    missing = fetch.missing_assets()
    if missing:
        return Images(
            problem="The viewer's front-end pieces are missing. Fetch them: `python -m pages.ui.viewer.fetch`"
        )
    found = mask_file(media, view)
    mask = found if found.is_file() else None
    ct = ct_file(media, view)
    with _making:
        problem = "" if ct.is_file() else _make_ct(ct, view, mask=mask)
    if problem:
        return Images(mask=mask, problem=problem)
    ct.touch()
    bound_media(media, limit_mb=limit_mb, keep=(ct.name,))
    return Images(ct=ct, mask=mask, problem="" if mask else "There is no mask for this series: nothing was outlined.")


def _make_ct(ct: Path, view: PatientView, *, mask: Path | None) -> str:
    """Make the viewer's CT; gives '' or what to tell the reader."""
    files = view.files
    gone = sum(not file.exists() for file in files)
    if not files or gone:
        words = (
            f"{gone} of {len(files)} source files are not where they were"
            if files
            else "its source files are not known"
        )
        return f"The CT cannot be shown: {words}. Mount the folder again, or index it where it lies now."
    ct.parent.mkdir(parents=True, exist_ok=True)
    asked = {"files": [str(f) for f in files], "stack": view.stack_label, "mask": str(mask or ""), "out": str(ct)}
    well, said = _spawn("pages.ui.viewer.volume", asked)
    if not well:
        return "The CT could not be prepared for the viewer; the log of the app has the details."
    return f"The CT cannot be shown: {said}" if said else ""


def find_scene(media: Path, view: PatientView) -> Scene:
    """The 3D scene of the bodies, built when it is not there yet."""
    out, ct, mask = scene_file(media, view), ct_file(media, view), mask_file(media, view)
    if not ct.is_file() or not mask.is_file():
        return Scene(problem="The 3D view needs the CT and its mask; one of them is missing.")
    with _making:
        if not out.is_file():
            well, said = _spawn("pages.ui.viewer.scene", {"ct": str(ct), "mask": str(mask), "out": str(out)})
            if not well:
                return Scene(problem=f"The 3D view could not be built: {said}")
    return Scene(address=media_address(out))


def bound_media(media: Path, *, limit_mb: int, keep: tuple[str, ...] = ()) -> int:
    """Remove the pictures opened longest ago until the folder is within its limit; gives how many went."""
    pictures = sorted((*media.glob("*_ct.nii.gz"), *media.glob("*_scene.html")), key=lambda file: file.stat().st_mtime)
    size = sum(file.stat().st_size for file in media.iterdir() if file.is_file())
    removed = 0
    for file in pictures:
        if size <= limit_mb * 1_000_000:
            break
        if file.name not in keep:
            size -= file.stat().st_size
            file.unlink()
            removed += 1
    return removed
