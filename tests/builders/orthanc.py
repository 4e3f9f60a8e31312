"""A real PACS for tests and benchmarks: Orthanc in its own folder, where it is installed."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from tests.builders.pacs import free_port

#: Path of Orthanc, or None.
ORTHANC = shutil.which("Orthanc") or shutil.which("Orthanc", path="/usr/sbin:/usr/local/sbin")
_PATIENCE_S = 60.0


class Orthanc:
    """A PACS in a temporary folder, queried through its HTTP interface."""

    def __init__(self, folder: Path) -> None:
        self.http, self.dicom = free_port(), free_port()
        self._settings = folder / "orthanc.json"
        given = {
            "StorageDirectory": str(folder / "held"),
            "IndexDirectory": str(folder / "held"),
            "HttpPort": self.http,
            "HttpBindAddresses": ["127.0.0.1"],
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False,
            "DicomPort": self.dicom,
            "DicomAet": "ORTHANC",
            "DicomCheckCalledAet": True,
            "DicomAlwaysAllowStore": True,
            "Plugins": [],
        }
        self._settings.write_text(json.dumps(given))

    def __enter__(self) -> Orthanc:
        self._process = subprocess.Popen(
            [str(ORTHANC), str(self._settings)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        ends = time.monotonic() + _PATIENCE_S
        while time.monotonic() < ends:
            try:
                self.ask("/system")
                return self
            except urllib.error.URLError:
                time.sleep(0.2)
        self.__exit__()
        raise RuntimeError("Orthanc did not start")

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(timeout=_PATIENCE_S)

    def ask(self, path: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http}{path}", timeout=30) as answer:
            return json.loads(answer.read())

    def held(self) -> dict[str, dict[str, Any]]:
        """Its metadata for each instance, by UID."""
        found = {}
        for one in self.ask("/instances?expand"):
            tags = self.ask(f"/instances/{one['ID']}/simplified-tags")
            found[tags["SOPInstanceUID"]] = tags
        return found

    def upload(self, file: Path) -> None:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.http}/instances", data=file.read_bytes(), method="POST"
        )
        with urllib.request.urlopen(request, timeout=30):
            pass
