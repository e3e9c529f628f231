"""The files of a bundle, and which configuration a device takes."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Bundle:
    """``support``: device_support.json, whose configurations name their contract and files."""

    folder: Path
    support: dict[str, Any]

    @classmethod
    def read(cls, folder: Path) -> "Bundle":
        """Raises ValueError for a file that is not the one in the manifest."""
        for name, known in json.loads((folder / "manifest.json").read_text())["files"].items():
            if hashlib.sha256((folder / name).read_bytes()).hexdigest() != known["sha256"]:
                raise ValueError(f"{folder / name} is not the file that the manifest names")
        return cls(folder, json.loads((folder / "device_support.json").read_text()))

    def configurations(self, device: str | None) -> list[dict[str, Any]]:
        """What ``device`` takes, then what it falls back to. None: the device that was measured."""
        entry = self.support["device_support"][0] if device is None else self._entry(device)
        return [self.support["configurations"][key] for key in entry["fallback"]]

    def _entry(self, device: str) -> dict[str, Any]:
        """Of the prefixes that ``device`` begins with, the longest one's; where there is none, the default."""
        found = [
            (len(prefix), number)
            for number, entry in enumerate(self.support["device_support"])
            for prefix in entry["identifier_prefixes"]
            if device.startswith(prefix)
        ]
        entry: dict[str, Any] = self.support["device_support"][max(found)[1]] if found else self.support["default"]
        return entry

    def contract(self, configuration: dict[str, Any]) -> dict[str, Any]:
        contract: dict[str, Any] = json.loads((self.folder / configuration["contract"]).read_text())
        return contract

    def file(self, configuration: dict[str, Any], part: str) -> Path:
        """Its ``graph``, and of a transducer its ``step`` and ``lexicon``."""
        return self.folder / str(configuration["files"][part]["name"])
