"""Whether a program can run on a device, told before a byte of it is sent.

Format: elf(5). The numbers are ``e_machine`` of the ELF header.
"""

import struct
from pathlib import Path

from orchestrator.errors import BadInput

_MAGIC = b"\x7fELF"
_MACHINES = {3: "i686", 40: "armv7l", 62: "x86_64", 183: "aarch64", 243: "riscv64"}
# What ``uname -m`` says -> programs that its kernel takes.
_TAKES = {
    "aarch64": {"aarch64"},
    "arm64": {"aarch64"},
    "armv7l": {"armv7l"},
    "armv8l": {"armv7l"},
    "x86_64": {"x86_64", "i686"},
    "i686": {"i686"},
    "riscv64": {"riscv64"},
}


def machine_of(program: Path) -> str | None:
    """Of an ELF program or library; None for a script (``#!``). Raises BadInput for anything else."""
    try:
        with program.open("rb") as file:
            head = file.read(20)
    except OSError as exc:
        raise BadInput(f"cannot read {program}: {exc.strerror}", hint="give the path of the tool's program") from exc
    if head.startswith(b"#!"):
        return None
    if not head.startswith(_MAGIC) or len(head) < 20:
        raise BadInput(f"{program} is no Linux program: it begins with {head[:4]!r}", hint="build it for the device")
    order = "<" if head[5] == 1 else ">"
    number = struct.unpack_from(f"{order}H", head, 18)[0]
    return _MACHINES.get(number, f"ELF machine {number}")


def require_fit(program: Path, device: str, device_machine: str) -> None:
    """Raises BadInput where ``program`` is for another processor than ``uname -m`` of the device says."""
    machine = machine_of(program)
    if machine is None or fits(machine, device_machine):
        return
    raise BadInput(
        f"{program} is for {machine}, {device} is {device_machine}",
        hint=f"build it for {device_machine}; for Android with the NDK (abi arm64-v8a is aarch64)",
    )


def fits(machine: str, device_machine: str) -> bool:
    """Whether a device whose ``uname -m`` says ``device_machine`` takes programs for ``machine``."""
    return machine in _TAKES.get(device_machine, {device_machine})
