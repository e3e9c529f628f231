"""The agent as one zip archive, named by its hash and run by ``python3 agent-<hash>.zip``."""

import hashlib
import importlib
import io
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import EarshotError

# The earliest time that a zip can hold: the same for every file, so that equal sources make equal archives.
ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)
UNIX = 3
FILE_MODE = 0o100644
MAIN = b"from agents.__main__ import main\n\nmain()\n"


@dataclass(frozen=True)
class AgentArchive:
    """A built archive; ``path`` is named ``agent-<first 16 hex digits of sha256>.zip``."""

    path: Path
    sha256: str
    size_bytes: int


def build_agent_archive(out_dir: Path, source: Path | None = None) -> AgentArchive:
    """Pack ``agents/**/*.py`` of the installed package, or of ``source``; the same source gives the same bytes.

    Raises EarshotError where the installed top-level package ``agents`` is not Earshot's.
    """
    data = _zip_bytes(source or agents_folder())
    sha256 = hashlib.sha256(data).hexdigest()
    path = out_dir / f"agent-{sha256[:16]}.zip"
    out_dir.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_bytes() != data:
        # Not synced: it is proven by its hash wherever it is used, and a disk that is busy takes half a second for it.
        part = path.with_name(f"{path.name}.{os.getpid()}.part")
        part.write_bytes(data)
        part.replace(path)
    return AgentArchive(path, sha256, len(data))


def agents_folder() -> Path:
    """Where our ``agents`` package lies. Raises EarshotError where the name belongs to another distribution."""
    package = importlib.import_module("agents")
    if getattr(package, "EARSHOT_AGENT", None) is None or package.__file__ is None:
        where = package.__file__ or list(package.__path__)
        raise EarshotError(
            f"the package agents at {where} is not Earshot's: another distribution has taken the name",
            hint="openai-agents is one: install earshot in a virtual environment of its own",
        )
    return Path(package.__file__).parent


def _zip_bytes(folder: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        _add(archive, "__main__.py", MAIN)
        for path in sorted(folder.rglob("*.py"), key=lambda p: p.relative_to(folder).parts):
            _add(archive, f"agents/{path.relative_to(folder).as_posix()}", path.read_bytes())
    return buffer.getvalue()


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    info = zipfile.ZipInfo(name, ZIP_EPOCH)
    info.create_system = UNIX
    info.external_attr = FILE_MODE << 16
    info.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(info, data, compresslevel=9)
