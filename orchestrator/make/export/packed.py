"""Several files as one: a zip archive whose bytes follow from the files' names and bytes alone."""

import io
import zipfile
from collections.abc import Mapping

# The least date that a zip archive can hold.
_DATE = (1980, 1, 1, 0, 0, 0)
_REGULAR = 0o100644 << 16


def packed(files: Mapping[str, bytes]) -> bytes:
    """Stored, not compressed: weights do not shrink, and an archive that is stored can be mapped. Sorted by name."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _DATE)
            entry.external_attr = _REGULAR
            # Else it is that of the machine.
            entry.create_system = 3
            archive.writestr(entry, files[name])
    return buffer.getvalue()
