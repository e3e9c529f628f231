"""A /proc and /sys of our own below a folder. Formats as the kernel documents them; all values are ours."""

from pathlib import Path


def lay(root: Path, files: dict[str, str]) -> str:
    """Write the files; returns the root as the agent takes it."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return str(root)
