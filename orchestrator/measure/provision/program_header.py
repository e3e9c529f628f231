"""What an ELF program asks for before it can start: its processor, and the loader of its C library.

Format: elf(5). ``e_phoff``, ``e_phentsize`` and ``e_phnum`` lead to the program headers; the one of type PT_INTERP
holds the loader's path.
"""

import struct
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import BadInput
from orchestrator.measure.native.binary import machine_of

_PT_INTERP = 3


@dataclass(frozen=True)
class Needs:
    """``machine`` as ``uname -m`` says it; ``loader``: absolute path, None for a program that needs none.

    Both are None for a script.
    """

    machine: str | None
    loader: str | None

    @property
    def libc(self) -> str:
        """glibc, musl, bionic or unknown."""
        name = (self.loader or "").rpartition("/")[2]
        kinds = {"ld-musl": "musl", "ld-linux": "glibc", "ld.so": "glibc", "ld64": "glibc", "linker": "bionic"}
        return next((libc for prefix, libc in kinds.items() if name.startswith(prefix)), "unknown")


def needs_of(program: Path) -> Needs:
    """Raises BadInput for what is neither an ELF program nor a script."""
    machine = machine_of(program)
    if machine is None:
        return Needs(None, None)
    try:
        return Needs(machine, _loader(program.read_bytes()))
    except struct.error as exc:
        raise BadInput(f"{program.name} is a damaged program: {exc}", hint="fetch the archive again") from exc


def _loader(data: bytes) -> str | None:
    wide, order = data[4] == 2, "<" if data[5] == 1 else ">"
    word = "Q" if wide else "I"
    (table,) = struct.unpack_from(f"{order}{word}", data, 32 if wide else 28)
    size, count = struct.unpack_from(f"{order}HH", data, 54 if wide else 42)
    for place in range(table, table + size * count, size):
        if struct.unpack_from(f"{order}I", data, place)[0] == _PT_INTERP:
            (begin,) = struct.unpack_from(f"{order}{word}", data, place + (8 if wide else 4))
            (length,) = struct.unpack_from(f"{order}{word}", data, place + (32 if wide else 16))
            return data[begin : begin + length].rstrip(b"\0").decode("utf-8", "replace")
    return None
