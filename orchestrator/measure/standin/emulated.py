"""The emulated aarch64 board as a machine of the lab, behind a link of its own."""

from collections.abc import Sequence

from orchestrator.errors import BadInput
from orchestrator.measure.lab.device import Device
from orchestrator.measure.standin import processes
from orchestrator.measure.standin.aarch64 import Aarch64Board
from orchestrator.measure.standin.aarch64_root import build_root
from orchestrator.measure.standin.network import Link
from orchestrator.measure.standin.standin import Order

# Its sshd is no root, not even in its own namespace: no port below 1024.
PORT = 2222


class EmulatedMachine:
    """What the lab can do with it; it has no disk or board to reach into while it is off."""

    def __init__(self, board: Aarch64Board) -> None:
        self.board = board
        self.start()

    @property
    def running(self) -> bool:
        return self.board.pid is not None

    def start(self) -> None:
        if not self.running:
            self.board.start()

    def power_off(self) -> None:
        self.board.stop()

    def processes(self) -> dict[int, str]:
        first = processes.first_child(self.board.pid) if self.board.pid else None
        return processes.in_pid_namespace_of(first) if first else {}

    def close(self) -> None:
        self.power_off()


def aarch64(order: Order, link: Link) -> tuple[EmulatedMachine, tuple[Device, ...]]:
    """Debian's root for it is fetched and unpacked once, into ``order.cache``. Raises DeviceNotReady."""
    if order.options:
        raise BadInput(f"an emulated board has no options, got {', '.join(order.options)}")

    def enter(argv: Sequence[str]) -> list[str]:
        # However this process ends, the board ends too.
        return link.namespace.argv(["setpriv", "--pdeathsig", "KILL", *argv])

    root = build_root(order.cache)
    board = Aarch64Board(order.folder / "board", root, address=link.device_address, port=PORT, enter=enter)
    machine = EmulatedMachine(board)
    device = Device(
        order.name,
        "ssh",
        host=board.address,
        port=board.port,
        user=board.user,
        identity_file=board.user_key,
        known_hosts=board.known_hosts,
        tags=("stand-in", "emulated"),
    )
    return machine, (device,)
