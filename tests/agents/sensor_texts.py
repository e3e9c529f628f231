"""Texts of sensors: fixtures of our own, and real outputs beside the checkout where somebody has them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

_FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "sensors"
_SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "samples"


def text_of(name: str) -> str:
    """A fixture without the lines that cite its format."""
    return _without_comments((_FIXTURES / name).read_text())


def on_real_outputs(pattern: str) -> Callable[[Callable[..., None]], Any]:
    """The test once per real output that matches, as ``name``; no test at all where there is no such folder."""
    names = sorted(path.name for path in _SAMPLES.glob(pattern))
    return pytest.mark.parametrize("name", names) if names else lambda test: None


def sample_of(name: str) -> str:
    return _without_comments((_SAMPLES / name).read_text())


def _without_comments(text: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))
