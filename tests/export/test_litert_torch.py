"""The committed .tflite files are what the documented command makes of the committed weights."""

import pytest

from orchestrator.make.models import reference
from orchestrator.make.models.reference import export_litert


@pytest.mark.filterwarnings("ignore")  # Of the converter's own imports.
@pytest.mark.parametrize("name", reference.WITH_GRAPHS)
def test_the_committed_file_is_made_again(name: str) -> None:
    made = export_litert.converted(name)
    assert made == reference.tflite_path(name).read_bytes()
