"""Runs in a network namespace of its own: an sshd, a connection to it, and a loopback that is cut and restored.

Prints one JSON object: what each action ended with.
"""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from orchestrator.errors import EarshotError
from orchestrator.measure.transports import ssh_connect
from orchestrator.measure.transports.ssh import SshTransport
from tests.hosts import make_host

# As in real use, only sooner.
ssh_connect.LINK_TIMEOUT_S = 2.0
ssh_connect.CONNECT_TIMEOUT_S = 2.0
ssh_connect.PROBE_IDLE_S, ssh_connect.PROBE_INTERVAL_S, ssh_connect.PROBE_COUNT = 1, 1, 2


def link(state: str) -> None:
    subprocess.run(["ip", "link", "set", "lo", state], check=True)


def cut_soon(for_s: float | None = None) -> threading.Thread:
    def cut() -> None:
        time.sleep(0.3)
        link("down")
        if for_s is not None:
            time.sleep(for_s)
            link("up")

    thread = threading.Thread(target=cut)
    thread.start()
    return thread


def ended(action: Callable[[], object]) -> str:
    try:
        action()
    except EarshotError as exc:
        return f"{type(exc).__name__}: {exc.message}"
    return "ok"


def main(folder: Path) -> dict[str, str]:
    link("up")
    host = make_host(folder / "host")
    large = folder / "large"
    large.write_bytes(bytes(256 << 20))
    found = {}
    transport = SshTransport("device", host.target)

    cutting = cut_soon()
    found["waiting"] = ended(lambda: transport.exec(["sleep", "600"], timeout_s=600))
    cutting.join()
    found["connecting"] = ended(lambda: SshTransport("device", host.target))
    link("up")
    transport.reconnect()

    cutting = cut_soon()
    found["pushing"] = ended(lambda: transport.push(large, str(folder / "there")))
    cutting.join()
    link("up")
    transport.reconnect()

    cutting = cut_soon(for_s=0.7)
    found["pushing over a short cut"] = ended(lambda: transport.push(large, str(folder / "there")))
    cutting.join()
    transport.close()
    host.stop()
    return found


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(Path(sys.argv[1]))))
