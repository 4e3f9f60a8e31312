"""Addresses that the app serves beside its pages: front-end pieces, and images behind a signature.

/api/asset/NAME   the pieces that fetch.py brought
/api/nb/...       the notebook extensions of itkwidgets, from this Python environment
/api/media/NAME   a CT, a mask or a 3D scene of the store's media folder; signed (signing.py)
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from pages.ui.viewer import fetch, signing

ASSET_ROUTE = "/api/asset/"
MEDIA_ROUTE = "/api/media/"

#: Files of media/ that may be served: a keyed hash, what it is, and one of three kinds.
_MEDIA_NAME = re.compile(r"[0-9a-zA-Z]+(_[0-9a-zA-Z.]+)*\.(nii\.gz|html)")
_EXTENSIONS = ("itkwidgets", "jupyter-datawidgets")
_PRIVATE = {"Cache-Control": "private, max-age=900", "X-Content-Type-Options": "nosniff"}
_FOREVER = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}


def asset_address(name: str) -> str:
    """Where the browser finds a front-end piece; the hash in it makes a new version a new address."""
    sha256 = next(asset.sha256 for asset in fetch.SERVED if asset.name == name)
    return f"{ASSET_ROUTE}{name}?v={sha256[:12]}"


def media_address(file: Path) -> str:
    """A signed address for one file of the media folder."""
    return signing.sign(f"{MEDIA_ROUTE}{file.name}")


def nbextensions_dir() -> Path:
    """Where pip put the notebook extensions of itkwidgets."""
    return Path(sys.prefix) / "share" / "jupyter" / "nbextensions"


def build_routes(media_dir: Callable[[], Path], *, assets: Path = fetch.ASSETS) -> Sequence[BaseRoute]:
    """The routes for st.App; ``media_dir`` is asked at each request, so that settings may come late."""

    async def asset(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in {piece.name for piece in fetch.SERVED} or not (assets / name).is_file():
            return PlainTextResponse("no such piece; run python -m pages.ui.viewer.fetch", status_code=404)
        return FileResponse(assets / name, media_type="text/javascript", headers=_FOREVER)

    async def media(request: Request) -> Response:
        name, query = request.path_params["name"], request.query_params
        valid = signing.is_valid(request.url.path, expiry=query.get("exp", ""), signature=query.get("sig", ""))
        if not valid:
            return PlainTextResponse(
                "this address has no valid signature or has run out; reload the page", status_code=403
            )
        file = media_dir() / name
        if not _MEDIA_NAME.fullmatch(name) or not file.is_file():
            return PlainTextResponse("this image is not there any more; reload the page", status_code=404)
        kind = "text/html" if name.endswith(".html") else "application/gzip"
        return FileResponse(file, media_type=kind, headers=_PRIVATE)

    folder = nbextensions_dir()
    found = [name for name in _EXTENSIONS if (folder / name).is_dir()]
    return [
        Route(ASSET_ROUTE + "{name}", asset),
        Route(MEDIA_ROUTE + "{name}", media),
        *(Mount(f"/api/nb/nbextensions/{name}", StaticFiles(directory=folder / name)) for name in found),
        *(Mount(f"/api/nb/{name}", StaticFiles(directory=folder / name)) for name in found),
    ]
