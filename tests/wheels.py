"""Small wheels, made to the binary distribution format: what the tests resolve, push and unpack."""

import hashlib
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from agents.environments.nouns import Wheel
from agents.wire import Blob


def make_wheel(
    folder: Path,
    name: str,
    version: str = "1.0",
    *,
    tag: str = "py3-none-any",
    files: Mapping[str, str] | None = None,
    requires: Sequence[str] = (),
    requires_python: str = ">=3.9",
) -> Path:
    """``<name>-<version>-<tag>.whl``, with a module of that name unless ``files`` say otherwise."""
    module = name.replace("-", "_")
    members = dict(files if files is not None else {f"{module}/__init__.py": f"VERSION = {version!r}\n"})
    about = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nRequires-Python: {requires_python}"]
    stem = f"{module}-{version}"
    members[f"{stem}.dist-info/METADATA"] = "\n".join([*about, *(f"Requires-Dist: {r}" for r in requires)]) + "\n"
    members[f"{stem}.dist-info/WHEEL"] = f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n"
    members[f"{stem}.dist-info/RECORD"] = "".join(f"{path},,\n" for path in [*members, f"{stem}.dist-info/RECORD"])
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{stem}-{tag}.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, text in members.items():
            archive.writestr(member, text)
    return path


def in_store(root: Path, path: Path) -> Wheel:
    """The wheel as a push would have left it below the agent's root."""
    data = path.read_bytes()
    blob = Blob(hashlib.sha256(data).hexdigest(), len(data), ".whl")
    (root / "blobs").mkdir(parents=True, exist_ok=True)
    (root / "blobs" / blob.file_name).write_bytes(data)
    return Wheel(blob, path.name)
