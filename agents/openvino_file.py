"""An OpenVINO archive: the two files of its intermediate representation in one."""

import zipfile
from typing import Any

XML, BIN = "model.xml", "model.bin"
# The property that says what is computed in. Left alone, the CPU plug-in (2026.4) computes fp32 graphs in bfloat16
# where the CPU has it.
PRECISION = "INFERENCE_PRECISION_HINT"


def read_model(core: Any, path: str) -> Any:
    """``core``: an ``openvino.Core``. Raises ValueError for an archive without the two files, RuntimeError for what
    OpenVINO cannot read."""
    try:
        with zipfile.ZipFile(path) as archive:
            return core.read_model(archive.read(XML), archive.read(BIN))
    except (KeyError, zipfile.BadZipFile) as error:
        raise ValueError(f"it is no archive of {XML} and {BIN}: {error}") from error
