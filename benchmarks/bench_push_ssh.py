"""Push over SSH against OpenSSH's scp: one file, a real sshd on loopback, both in the same run, interleaved.

Earshot's push asks what is absent, sends it, proves its hash on the far side and syncs it to the disk; scp (as
installed, with its fastest cipher) only sends. Cold: each with a connection of its own. Warm, for information: both on
an open connection, scp through a ControlMaster. Also: pushing the same bytes again, and connecting plus the first
command. Ratios are medians over the rounds (scp / Earshot, above 1 is faster than scp).

python benchmarks/bench_push_ssh.py [--mib 64] [--rounds 9]
"""

import argparse
import hashlib
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from agents import wire  # noqa: E402
from benchmarks.rounds import Seconds, in_turn  # noqa: E402
from orchestrator.measure.deploy.agent import DeployedAgent  # noqa: E402
from orchestrator.measure.deploy.archive import build_agent_archive  # noqa: E402
from orchestrator.measure.deploy.push import deploy, push_blobs  # noqa: E402
from orchestrator.measure.transports.ssh import SshTransport  # noqa: E402
from tests.hosts import SshHost, make_host  # noqa: E402

SECOND_PUSH_LIMIT_S, FIRST_EXEC_LIMIT_S = 0.050, 0.060


class Bench:
    """One file and one host; every timing removes what it has sent."""

    def __init__(self, folder: Path, host: SshHost, size_bytes: int) -> None:
        self.folder, self.host = folder, host
        self.path = folder / "model.onnx"
        data = os.urandom(size_bytes)
        self.path.write_bytes(data)
        self.blob = wire.Blob(hashlib.sha256(data).hexdigest(), size_bytes, ".onnx")
        self.archive = build_agent_archive(folder)
        self.transport = SshTransport("bench", host.target)
        self.agent = deploy(self.transport, self.archive, str(folder / "root"), python=sys.executable)
        self.control = str(folder / "control")
        gcm = ["-c", "aes128-gcm@openssh.com"]
        subprocess.run(["ssh", "-M", "-N", "-f", *gcm, *self._options(control=self.control), self._login()], check=True)

    def close(self) -> None:
        subprocess.run(
            ["ssh", *self._options(control=self.control), "-O", "exit", self._login()], check=True, capture_output=True
        )
        self.transport.close()

    def _login(self) -> str:
        return f"{self.host.target.user}@127.0.0.1"

    def _options(self, *, port: str = "-p", control: str) -> list[str]:
        settings = [f"UserKnownHostsFile={self.host.known_hosts}", f"ControlPath={control}", "LogLevel=ERROR"]
        named = [part for setting in settings for part in ("-o", setting)]
        return [port, str(self.host.port), "-i", str(self.host.user_key), *named]

    def scp(self, control: str) -> None:
        there = f"{self._login()}:{self.folder / 'scp.onnx'}"
        options = self._options(port="-P", control=control)
        subprocess.run(["scp", "-q", "-c", "aes128-gcm@openssh.com", *options, self.path, there], check=True)

    def scp_cold(self) -> None:
        self.scp("none")

    def scp_warm(self) -> None:
        self.scp(self.control)

    def push(self, agent: DeployedAgent) -> None:
        report = push_blobs(agent, [(self.path, self.blob)])
        assert report.bytes_sent == self.blob.size_bytes

    def push_cold(self) -> None:
        with SshTransport("bench", self.host.target) as transport:
            agent = self.agent
            parts = (agent.python, agent.root, agent.archive_path, agent.archive_sha256, agent.probe)
            self.push(DeployedAgent(transport, *parts))

    def push_again(self) -> None:
        assert push_blobs(self.agent, [(self.path, self.blob)]).bytes_sent == 0

    def first_exec(self) -> None:
        with SshTransport("bench", self.host.target) as transport:
            assert transport.exec(["true"]).ok

    def forget(self) -> None:
        (self.folder / "scp.onnx").unlink(missing_ok=True)
        (self.folder / "root" / "blobs" / self.blob.file_name).unlink(missing_ok=True)


def measure(bench: Bench, rounds: int) -> Seconds:
    actions = {
        "scp cold": bench.scp_cold,
        "push cold": bench.push_cold,
        "scp warm": bench.scp_warm,
        "push warm": lambda: bench.push(bench.agent),
        "push again": bench.push_again,
        "first exec": bench.first_exec,
    }

    def before_each(name: str) -> None:
        if name.startswith(("scp", "push")) and name != "push again":
            bench.forget()

    return in_turn(actions, rounds, before_each=before_each)


def ratio(seconds: Seconds, how: str) -> float:
    return statistics.median(s / p for s, p in zip(seconds[f"scp {how}"], seconds[f"push {how}"], strict=True))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mib", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        host = make_host(folder / "host", settings=("Subsystem sftp internal-sftp",))
        try:
            bench = Bench(folder, host, options.mib << 20)
            seconds = measure(bench, options.rounds)
            bench.close()
        finally:
            host.stop()
    print(f"{options.mib} MiB, {options.rounds} rounds, median (least) ms")
    for what, values in seconds.items():
        print(f"  {what:12} {statistics.median(values) * 1e3:8.1f} ({min(values) * 1e3:.1f})")
    cold, warm = ratio(seconds, "cold"), ratio(seconds, "warm")
    print(
        f"ratio scp / push: cold {cold:.2f} (at least 1), warm {warm:.2f} (not limited: scp proves and syncs nothing)"
    )
    again_s, first_s = (statistics.median(seconds[what]) for what in ("push again", "first exec"))
    print(f"ratio to the limit: push again {again_s / SECOND_PUSH_LIMIT_S:.2f} (of 50 ms, below 1)")
    print(f"ratio to the limit: first exec {first_s / FIRST_EXEC_LIMIT_S:.2f} (of 60 ms, below 1)")
    return 0 if cold >= 1 and again_s < SECOND_PUSH_LIMIT_S and first_s < FIRST_EXEC_LIMIT_S else 1


if __name__ == "__main__":
    sys.exit(main())
