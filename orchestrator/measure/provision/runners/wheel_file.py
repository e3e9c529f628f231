"""Writes a wheel (packaging.python.org, "Binary distribution format"); the same files give the same bytes."""

import base64
import hashlib
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

# The oldest time that a zip file can tell.
_TIME = (1980, 1, 1, 0, 0, 0)


def write_wheel(folder: Path, package: str, version: str, tag: str, files: Mapping[str, bytes]) -> Path:
    """``<package>-<version>-<tag>.whl`` with ``files`` by their path, under its name only when it is whole."""
    about = f"{package}-{version}.dist-info"
    name = package.replace("_", "-")
    lines = [f"Name: {name}", f"Version: {version}", "Requires-Python: >=3.9", "Requires-Dist: numpy"]
    metadata = "\n".join(["Metadata-Version: 2.1", *lines]) + "\n"
    wheel = f"Wheel-Version: 1.0\nGenerator: earshot\nRoot-Is-Purelib: false\nTag: {tag}\n"
    members = {**files, f"{about}/METADATA": metadata.encode(), f"{about}/WHEEL": wheel.encode()}
    record = "".join(f"{path},sha256={_digest(data)},{len(data)}\n" for path, data in members.items())
    members[f"{about}/RECORD"] = f"{record}{about}/RECORD,,\n".encode()
    path = folder / f"{package}-{version}-{tag}.whl"
    part = path.with_name(f".{path.name}.part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, data in members.items():
            info = zipfile.ZipInfo(member, _TIME)
            info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(info, data)
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.rename(path)
    return path


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
