"""A program of another processor is refused before it is sent."""

import struct
import sys
from pathlib import Path

import pytest

from orchestrator.errors import BadInput
from orchestrator.measure.native.binary import machine_of, require_fit


def elf(path: Path, machine: int, *, big: bool = False) -> Path:
    """The first 20 bytes of an ELF header (elf(5)), which is all that is looked at."""
    order = ">" if big else "<"
    path.write_bytes(b"\x7fELF\x02" + (b"\x02" if big else b"\x01") + bytes(10) + struct.pack(f"{order}HH", 3, machine))
    return path


def test_this_python_is_for_this_machine() -> None:
    import platform

    program = Path(sys.executable).resolve()
    assert machine_of(program) == platform.machine()
    require_fit(program, "local", platform.machine())


@pytest.mark.parametrize(
    ("machine", "big", "name"), [(183, False, "aarch64"), (40, True, "armv7l"), (62, False, "x86_64")]
)
def test_machines(machine: int, big: bool, name: str, tmp_path: Path) -> None:
    assert machine_of(elf(tmp_path / "x", machine, big=big)) == name


def test_a_script_fits_everywhere(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("#!/system/bin/sh\n")
    assert machine_of(tmp_path / "x") is None
    require_fit(tmp_path / "x", "phone", "aarch64")


def test_the_refusal_names_both(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="x is for x86_64, phone is aarch64") as caught:
        require_fit(elf(tmp_path / "x", 62), "phone", "aarch64")
    assert "arm64-v8a" in (caught.value.hint or "")


def test_a_32_bit_program_on_a_64_bit_phone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="is for armv7l, phone is aarch64"):
        require_fit(elf(tmp_path / "x", 40), "phone", "aarch64")
    require_fit(elf(tmp_path / "x", 40), "phone", "armv8l")


@pytest.mark.parametrize("content", [b"", b"MZ\x90\x00", b"\x7fELF", b"PK\x03\x04" + bytes(40)])
def test_no_program_at_all(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(BadInput, match="is no Linux program"):
        machine_of(tmp_path / "x")


def test_an_unknown_machine_says_its_number(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="is for ELF machine 258, board is aarch64"):
        require_fit(elf(tmp_path / "x", 258), "board", "aarch64")
