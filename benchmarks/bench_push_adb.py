"""Push and pull over ADB against the native adb: one file, the genuine adbd behind a veth link, both in the same run.

Native is Debian's adb with its server running and connected, as it is in use; Earshot has its connection open.
`deploy` is what Earshot does with models: it asks what is absent, sends it, proves its hash there and syncs it; `push`
and `pull` are the plain copies that native adb makes, though `pull` here ends on the disk. `push old` is for a phone
before Android 14, whose adbd acknowledges each packet by itself. Ratios are medians over the rounds (native / Earshot,
above 1 is faster than native). Needs root, for the link.

python benchmarks/bench_push_adb.py [--mib 64] [--rounds 7]
"""

import argparse
import hashlib
import os
import socket
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from agents import wire  # noqa: E402
from benchmarks.rounds import Seconds, in_turn  # noqa: E402
from orchestrator.measure.deploy.archive import build_agent_archive  # noqa: E402
from orchestrator.measure.deploy.push import deploy, push_blobs  # noqa: E402
from orchestrator.measure.standin.adbd_root import fetch_adbd  # noqa: E402
from orchestrator.measure.transports import adb_connection  # noqa: E402
from orchestrator.measure.transports.adb_keys import make_key  # noqa: E402
from tests.phones import Phone, build_phone, switch_off  # noqa: E402

LEAST_PUSH_RATIO = 0.4


class Native:
    """Debian's adb with a server and a home of its own."""

    def __init__(self, folder: Path, phone: Phone, key: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        (folder / "home").mkdir()
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder / "home"),
            "ADB_VENDOR_KEYS": str(key),
            "ANDROID_ADB_SERVER_PORT": str(port),
        }
        self._serial = f"{phone.device.host}:{phone.device.port}"
        self.run("start-server")
        self.run("connect", self._serial)

    def run(self, *arguments: str) -> None:
        subprocess.run(["adb", *arguments], env=self._environment, check=True, capture_output=True, timeout=120)

    def copy(self, verb: str, source: str, target: str) -> None:
        self.run("-s", self._serial, verb, source, target)

    def close(self) -> None:
        self.run("kill-server")


class Bench:
    """One file and one phone; every timing removes what it has sent."""

    def __init__(self, folder: Path, phone: Phone, native: Native, size_bytes: int) -> None:
        self.path, self.back = folder / "model.onnx", folder / "back"
        self.path.write_bytes(os.urandom(size_bytes))
        self.blob = wire.Blob(hashlib.sha256(self.path.read_bytes()).hexdigest(), size_bytes, ".onnx")
        self.native = native
        self.transport = phone.open()
        self.agent = deploy(self.transport, build_agent_archive(folder), python=sys.executable)
        ours, adb_connection.OUR_FEATURES = adb_connection.OUR_FEATURES, ("shell_v2", "cmd")
        self.old = phone.open()
        adb_connection.OUR_FEATURES = ours

    def close(self) -> None:
        self.transport.close()
        self.old.close()

    def native_push(self) -> None:
        self.native.copy("push", str(self.path), "/data/local/tmp/native")

    def native_pull(self) -> None:
        self.native.copy("pull", "/data/local/tmp/native", str(self.back))

    def push(self) -> None:
        self.transport.push(self.path, "ours")

    def pull(self) -> None:
        self.transport.pull("ours", self.back)

    def push_old(self) -> None:
        self.old.push(self.path, "old")

    def deploy(self) -> None:
        assert push_blobs(self.agent, [(self.path, self.blob)]).bytes_sent == self.blob.size_bytes

    def deploy_again(self) -> None:
        assert push_blobs(self.agent, [(self.path, self.blob)]).bytes_sent == 0

    def forget(self) -> None:
        assert not self.back.exists() or self.back.read_bytes() == self.path.read_bytes()
        blob = f"{self.agent.root}/blobs/{self.blob.file_name}"
        assert self.transport.exec(["rm", "-f", "native", "ours", "old", blob]).ok


def measure(bench: Bench, rounds: int) -> Seconds:
    actions = {
        "native push": bench.native_push,
        "push": bench.push,
        "native pull": bench.native_pull,
        "pull": bench.pull,
        "push old": bench.push_old,
        "deploy": bench.deploy,
        "deploy again": bench.deploy_again,
    }

    def before_each(name: str) -> None:
        if name == "native push":
            bench.forget()

    return in_turn(actions, rounds, before_each=before_each)


def ratio(seconds: Seconds, native: str, ours: str) -> float:
    return statistics.median(n / o for n, o in zip(seconds[native], seconds[ours], strict=True))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mib", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        key = make_key(folder / "adbkey").path
        tree = fetch_adbd(Path(tempfile.gettempdir()) / f"earshot-test-roots-{os.getuid()}")
        phone = build_phone(tree, key, folder, disk_mib=8 * options.mib)
        try:
            native = Native(folder, phone, key)
            bench = Bench(folder, phone, native, options.mib << 20)
            seconds = measure(bench, options.rounds)
            bench.close()
            native.close()
        finally:
            switch_off(phone)
    print(f"{options.mib} MiB, {options.rounds} rounds, median (least) ms, MB/s")
    for what, values in seconds.items():
        median_s = statistics.median(values)
        rate = "" if what == "deploy again" else f"{options.mib * 1.048576 / median_s:8.0f}"
        print(f"  {what:12} {median_s * 1e3:8.1f} ({min(values) * 1e3:.1f}) {rate}")
    push, pull = ratio(seconds, "native push", "push"), ratio(seconds, "native pull", "pull")
    deployed, old = ratio(seconds, "native push", "deploy"), ratio(seconds, "native push", "push old")
    print(
        f"ratio native / push: {push:.2f}, deploy {deployed:.2f}, push old {old:.2f} (each at least {LEAST_PUSH_RATIO})"
    )
    print(f"ratio native / pull: {pull:.2f} (not limited)")
    return 0 if min(push, deployed, old) >= LEAST_PUSH_RATIO else 1


if __name__ == "__main__":
    sys.exit(main())
