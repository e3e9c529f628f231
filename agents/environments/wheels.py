"""Wheels to files: the binary distribution format of packaging.python.org, without scripts and headers."""

import os
import re
import shutil
import zipfile
from typing import List, Optional

from agents.environments import Refused
from agents.environments.nouns import Wheel, normalized

_COPY_BYTES = 1 << 20


def unpack(wheel: Wheel, path: str, prefix: str, site: str) -> None:
    """Its files below ``site`` (packages) and ``prefix`` (data). Raises Refused for a wheel that is none."""
    stem = f"{wheel.name}-{wheel.version}"
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                target = _place(entry.filename, stem + ".data/", prefix, site)
                if target is not None and not entry.is_dir():
                    _extract(archive, entry, target)
        with open(os.path.join(site, stem + ".dist-info", "INSTALLER"), "w", encoding="utf-8") as file:
            file.write("earshot\n")
    except (zipfile.BadZipFile, FileNotFoundError) as error:
        raise Refused(f"{wheel.file} is not a wheel: {error}") from error


def _place(member: str, data: str, prefix: str, site: str) -> Optional[str]:
    """Where a member goes; None for what an agent never needs."""
    if member.startswith("/") or "\\" in member or ".." in member.split("/"):
        raise Refused(f"a wheel holds a file that would lie outside of the environment: {member!r}")
    if not member.startswith(data):
        return os.path.join(site, member)
    kind, _, rest = member[len(data) :].partition("/")
    folder = {"purelib": site, "platlib": site, "data": prefix}.get(kind)
    return os.path.join(folder, rest) if folder and rest else None


def _extract(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: str) -> None:
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with archive.open(entry) as source, open(target, "wb") as file:
        shutil.copyfileobj(source, file, _COPY_BYTES)
    # The upper half holds the mode where the zip was made on Unix.
    if entry.external_attr >> 16 & 0o111:
        os.chmod(target, 0o755)


def modules_of(site: str, distribution: str) -> List[str]:
    """Top-level packages and modules of an unpacked distribution (its normalized name, PEP 503), by its RECORD."""
    for folder in os.listdir(site):
        if folder.endswith(".dist-info") and normalized(folder.split("-")[0]) == distribution:
            with open(os.path.join(site, folder, "RECORD"), encoding="utf-8") as file:
                record = [line.split(",")[0].strip('"') for line in file]
            packages = {path.split("/")[0] for path in record if re.fullmatch(r"[A-Za-z]\w*/__init__\.py", path)}
            single = {path[:-3] for path in record if re.fullmatch(r"[A-Za-z]\w*\.py", path)}
            return sorted(packages | single)
    return []
