"""Which wheel an imported module came from: a file runs at another speed in another vendor's build of one version."""

import os
from typing import Any, Optional

_INFO = ".dist-info"


def wheel_of(module: Any) -> Optional[str]:
    """Distribution and version, as in ``onnxruntime-openvino 1.24.1``; None where no wheel claims the module.

    Looks only at distributions that begin with the module's first letters: an SD card reads hundreds of them slowly.
    """
    name = str(module.__name__).split(".")[0]
    path = getattr(module, "__file__", None)
    if path is None:
        return None
    package = os.path.dirname(os.path.abspath(path))
    site, inside = os.path.dirname(package), f"{os.path.basename(package)}/__init__.py"
    for folder in sorted(_listed(site)):
        if folder.endswith(_INFO) and folder.lower().startswith(name[:4].lower()) and _claims(site, folder, inside):
            distribution, _, version = folder[: -len(_INFO)].partition("-")
            return f"{distribution.replace('_', '-')} {version}"
    return None


def _listed(site: str) -> "list[str]":
    try:
        return os.listdir(site)
    except OSError:
        return []


def _claims(site: str, folder: str, inside: str) -> bool:
    try:
        with open(os.path.join(site, folder, "RECORD"), encoding="utf-8") as record:
            return any(line.split(",", 1)[0].strip('"') == inside for line in record)
    except (OSError, ValueError):
        return False
