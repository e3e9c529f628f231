"""Texts of sensors: fixtures of our own, and real outputs beside the checkout where somebody has them."""

from pathlib import Path

_FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "sensors"
_SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "samples"


def text_of(name: str) -> str:
    """A fixture without the lines that cite its format."""
    return _without_comments((_FIXTURES / name).read_text())


def samples(pattern: str) -> list[str]:
    """Names of real outputs that match; empty where there is no such folder."""
    return sorted(path.name for path in _SAMPLES.glob(pattern))


def sample_of(name: str) -> str:
    return _without_comments((_SAMPLES / name).read_text())


def _without_comments(text: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))
