"""Push over SSH against OpenSSH's scp on links as labs have them: a stand-in board, both in the same run, interleaved.

100 Mbit/s (a Pi 3, a cheap switch), and 1 Gbit/s at 20 ms (another building). On the second one, one channel's window
of 2 MiB is the ceiling, so Earshot sends over several. Each push has a connection of its own, is proven there and on
the disk before it counts; scp (its fastest cipher) only sends. Then the same push again, which sends nothing. Ratios
are medians over the rounds (scp / Earshot, above 1 is faster than scp). Needs root: the link is a veth with a token
bucket and a relay.

python benchmarks/bench_push_link.py [--mib 64] [--rounds 5]
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.rounds import Seconds, in_turn  # noqa: E402
from orchestrator.measure.deploy.agent import DeployedAgent  # noqa: E402
from orchestrator.measure.deploy.archive import build_agent_archive  # noqa: E402
from orchestrator.measure.deploy.push import deploy, push_blobs  # noqa: E402
from orchestrator.measure.standin.network import Quality  # noqa: E402
from tests.lab.faults import board as boards  # noqa: E402
from tests.lab.faults.board import HOME, Board  # noqa: E402
from tests.orchestrator.measure.sessions import Files, file_of  # noqa: E402

LINKS = {
    "100 Mbit/s": (Quality(rate_mbit=100), 1.0),
    "1 Gbit/s, 20 ms": (Quality(rate_mbit=1000, delay_ms=10), 1.5),
}


def scp(device: Board, path: Path) -> None:
    options = [f"UserKnownHostsFile={device.known_hosts}", "LogLevel=ERROR", "IdentitiesOnly=yes"]
    named = [part for option in options for part in ("-o", option)]
    there = f"pi@{device.link.device_address}:{HOME}/scp.onnx"
    argv = ["scp", "-q", "-c", "aes128-gcm@openssh.com", "-i", str(device.keys.user_key), *named, str(path), there]
    subprocess.run(argv, check=True)


def push(device: Board, agent: DeployedAgent, files: Files) -> int:
    with device.connect() as transport:
        parts = (agent.python, agent.root, agent.archive_path, agent.archive_sha256, agent.probe)
        return push_blobs(DeployedAgent(transport, *parts), files).bytes_sent


def forget(device: Board, files: Files) -> None:
    for name in (f"{HOME}/scp.onnx", f"{boards.ROOT}/blobs/{files[0][1].file_name}"):
        device.path(name).unlink(missing_ok=True)


def push_again(device: Board, agent: DeployedAgent, files: Files) -> None:
    assert push(device, agent, files) == 0


def measure(device: Board, files: Files, rounds: int) -> Seconds:
    with device.connect() as transport:
        agent = deploy(transport, device.archive, python=sys.executable)
    actions: dict[str, Callable[[], object]] = {
        "scp": lambda: scp(device, files[0][0]),
        "push": lambda: push(device, agent, files),
        "push again": lambda: push_again(device, agent, files),
    }

    def before_each(name: str) -> None:
        if name == "scp":
            forget(device, files)

    return in_turn(actions, rounds, before_each=before_each)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mib", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    good = True
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = [file_of(folder / "model.onnx", os.urandom(options.mib << 20))]
        archive = build_agent_archive(folder)
        for link, (quality, least) in LINKS.items():
            with boards.board(folder / str(least), archive, quality=quality) as device:
                seconds = measure(device, files, options.rounds)
            print(f"{link}: {options.mib} MiB, {options.rounds} rounds, median (least) ms")
            for what, values in seconds.items():
                speed = (
                    f"{options.mib * 1.048576 / statistics.median(values):6.1f} MB/s" if what != "push again" else ""
                )
                print(f"  {what:10} {statistics.median(values) * 1e3:8.1f} ({min(values) * 1e3:.1f}) {speed}")
            ratio = statistics.median(s / p for s, p in zip(seconds["scp"], seconds["push"], strict=True))
            print(f"ratio scp / push at {link}: {ratio:.2f} (at least {least})")
            good = good and ratio >= least
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
