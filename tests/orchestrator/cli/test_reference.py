"""docs/reference is what the code says: an undocumented command, option, recipe or metric fails here."""

from pathlib import Path

import pytest

from orchestrator.cli.reference import pages

DOCS = Path(__file__).parents[3] / "docs" / "reference"


@pytest.mark.parametrize("name", sorted(pages()))
def test_the_reference_is_current(name: str) -> None:
    assert (DOCS / name).read_text() == pages()[name], "run `make docs` and commit what it writes"
