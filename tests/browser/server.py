"""The app in its own process, and the location of Chromium; for browser tests and the screenshots of docs/."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parents[2]
#: The first two are the pop-ups of the address bar, pages of their own that no test sees and each window would render.
#: The others are those that Playwright turns off: Chromium follows only the last list it is given.
_WITHOUT = (
    "WebUIOmniboxPopup WebUIOmniboxAimPopup AimEnabled AvoidUnnecessaryBeforeUnloadCheckSync "
    "DestroyProfileOnBrowserClose HttpsUpgrades HttpsFirstBalancedModeAutoEnable LensOverlay MediaRouter PaintHolding "
    "ThirdPartyStoragePartitioning AvoidCorsURLLoaderRestartOnRedirect OptimizationHints NetworkTimeServiceQuerying "
    "PreconnectToSearch"
).split()
FLAGS = (
    "--headless=new --no-sandbox --disable-quic --disable-background-networking --disable-component-update "
    "--disable-sync --no-first-run --use-gl=angle --use-angle=swiftshader --enable-unsafe-swiftshader "
    "--ignore-gpu-blocklist --disable-gpu-compositing "
    f"--disable-features={','.join(_WITHOUT)}"
).split()


@dataclass(kw_only=True)
class Server:
    """The running app; ``log`` is its output."""

    address: str
    process: subprocess.Popen[bytes]
    log: IO[bytes]


def start_server(store: Path, *, options: Sequence[str] = (), port: int | None = None, **settings: str) -> Server:
    """Start the app as `make run` does, with these OSTEO_* variables and options; wait until it answers.

    ``port``: by default a free one.
    """
    if port is None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
    environment = {**os.environ, "OSTEO_STORE": str(store), "OSTEO_NO_DEMO": "1", **settings}
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port), *options]
    log = tempfile.TemporaryFile()
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT)
    address = f"http://localhost:{port}"
    until = time.monotonic() + 180
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=2):
                return Server(address=address, process=process, log=log)
        except OSError:
            time.sleep(0.2)
    process.terminate()
    log.seek(0)
    raise RuntimeError(f"the app did not start: {log.read()[-2000:].decode(errors='replace')}")


def stop_server(server: Server) -> None:
    """Ask the app to exit, and wait."""
    server.process.terminate()
    server.process.wait(timeout=20)
