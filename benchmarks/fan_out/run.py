"""Agent and model to a hundred hosts, and one command there: Earshot against ansible and pyinfra, in one run.

The hosts are network namespaces with a real sshd each and a home in memory, made by this run and gone with it. All
three tools check host keys. After each turn the files are hashed on every host and the command's trace is looked for; a
tool that left one out has no figure. The tools take turns; figures are medians over the rounds. Controllers and hosts
share this machine's processors, so the CPU time of both is told beside the wall clock: it changes less with what else
runs here. One more turn of each, which is not timed, samples the memory of the controller and all of its children.

The rivals are no dependencies: they go into a virtual environment of their own, which is kept for the next run. Needs
root (namespaces) and 4 GiB of free memory. Earshot / fastest rival should be 0.7 at most, its memory 400 MB.

python benchmarks/fan_out/run.py [--hosts 100] [--mib 8] [--rounds 3] [--only earshot,pyinfra] [--json FILE]
"""

import argparse
import hashlib
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.fan_out.hosts import Host, inside, start_hosts  # noqa: E402
from benchmarks.fan_out.memory import PeakMemory, cpu_s  # noqa: E402
from benchmarks.fan_out.tools import RAN, Tool, environment, tools  # noqa: E402
from orchestrator.measure.deploy.archive import build_agent_archive  # noqa: E402

RIVALS = ("ansible-core==2.19.14", "pyinfra==3.10.0")
MOST_RATIO, MOST_MB = 0.7, 400
SETTLE_S = 1.0


@dataclass(frozen=True)
class Turn:
    """``wall_s``, CPU time of the controller with its children and of all hosts, and the machine's load before it."""

    wall_s: float
    controller_cpu_s: float
    hosts_cpu_s: float
    load: float


def take_turn(tool: Tool, hosts: Sequence[Host], folder: Path, hashes: set[str], memory: bool = False) -> Turn | float:
    """With ``memory`` the peak in MB in place of times. Raises RuntimeError where a host was left out."""
    for host in hosts:
        host.wipe()
    pids = [host.process.pid for host in hosts]
    load, before_s, begin_s = os.getloadavg()[0], cpu_s(pids), time.monotonic()
    with (folder / "said.txt").open("wb") as said:
        process = subprocess.Popen(
            tool.argv, cwd=folder, env=environment(tool), stdin=subprocess.DEVNULL, stdout=said, stderr=said
        )
        peak = PeakMemory(process) if memory else None
        _, status, used = os.wait4(process.pid, 0)
        wall_s = time.monotonic() - begin_s
        process.returncode = os.waitstatus_to_exitcode(status)
    if peak:
        peak.stop()
    _end_strays({*pids})
    time.sleep(SETTLE_S)
    lacking = [h.name for h in hosts if not hashes <= h.hashes() or not (h.home / RAN).exists()]
    if process.returncode or lacking:
        last = (folder / "said.txt").read_text(errors="replace")[-2000:]
        raise RuntimeError(f"{tool.argv[:3]} ended with {process.returncode} and left out {lacking[:5]}: {last}")
    if peak:
        return peak.pss_bytes / 1e6
    return Turn(wall_s, used.ru_utime + used.ru_stime, cpu_s(pids) - before_s, load)


def _end_strays(hosts: set[int]) -> None:
    """What a tool has left running, such as the masters of ssh: in a process namespace all of it is our own child."""
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    for pid in {int(child) for child in children} - hosts:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def rivals_folder(folder: Path) -> Path:
    """The programs of their environment, made where it is not there; before the network is left."""
    wanted = folder / "wanted.txt"
    if not wanted.exists() or wanted.read_text().split() != list(RIVALS):
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([folder / "bin/pip", "install", "-q", *RIVALS], check=True)
        wanted.write_text("\n".join(RIVALS))
    return folder / "bin"


def shown(turns: dict[str, list[Turn]], memory_mb: dict[str, float]) -> dict[str, dict[str, float]]:
    found = {}
    for name, each in turns.items():
        figures = {field: statistics.median(getattr(t, field) for t in each) for field in Turn.__dataclass_fields__}
        cpu = figures["controller_cpu_s"] + figures["hosts_cpu_s"]
        found[name] = {**figures, "all_cpu_s": cpu, "memory_mb": memory_mb.get(name, float("nan"))}
        print(
            f"  {name:8} {figures['wall_s']:7.2f} s  ({min(t.wall_s for t in each):.2f} to "
            f"{max(t.wall_s for t in each):.2f})  CPU: controller {figures['controller_cpu_s']:6.2f} s, hosts "
            f"{figures['hosts_cpu_s']:6.2f} s  peak memory {memory_mb.get(name, float('nan')):5.0f} MB"
            f"  (load before it {figures['load']:.1f})"
        )
    return found


def measure(options: argparse.Namespace, rivals: Path) -> tuple[dict[str, list[Turn]], dict[str, float]]:
    hosts = start_hosts(options.hosts)
    with tempfile.TemporaryDirectory(dir="/dev/shm") as name:
        folder = Path(name)
        model = folder / "model.onnx"
        model.write_bytes(os.urandom(options.mib << 20))
        archive = build_agent_archive(folder).path
        chosen = tools(hosts, archive, model, folder, rivals)
        chosen = {tool: chosen[tool] for tool in options.only.split(",")}
        hashes = {_sha256(path) for path in (model, archive)}
        turns: dict[str, list[Turn]] = {tool: [] for tool in chosen}
        memory_mb = {}
        for number in range(options.rounds + 1):
            # The first round warms up caches, and tells the memory; the order of the others turns round each time.
            order = list(chosen) if number % 2 else list(reversed(chosen))
            for tool in order:
                done = take_turn(chosen[tool], hosts, folder, hashes, memory=number == 0)
                if isinstance(done, Turn):
                    turns[tool].append(done)
                    print(f"round {number}: {tool} {done.wall_s:.2f} s", flush=True)
                else:
                    memory_mb[tool] = done
    return turns, memory_mb


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hosts", type=int, default=100)
    parser.add_argument("--mib", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="earshot,pyinfra,ansible", help="Tools, with commas.")
    parser.add_argument("--rivals", type=Path, default=Path.home() / ".cache/earshot-bench/fan-out-rivals")
    parser.add_argument("--json", type=Path, help="Write all figures there too.")
    options = parser.parse_args()
    rivals = rivals_folder(options.rivals.absolute())
    inside()
    turns, memory_mb = measure(options, rivals)
    print(f"{options.hosts} hosts, {options.mib} MiB each, {options.rounds} rounds: median (least to most)")
    figures = shown(turns, memory_mb)
    others = [name for name in figures if name != "earshot"]
    good = True
    for name in others:
        ratios = [e.wall_s / o.wall_s for e, o in zip(turns["earshot"], turns[name], strict=True)]
        cpu = figures["earshot"]["all_cpu_s"] / figures[name]["all_cpu_s"]
        print(f"ratio earshot / {name}: {statistics.median(ratios):.2f} (at most {MOST_RATIO}), all CPU {cpu:.2f}")
        good = good and statistics.median(ratios) <= MOST_RATIO
    print(f"ratio to the limit: memory {figures['earshot']['memory_mb'] / MOST_MB:.2f} (of {MOST_MB} MB, below 1)")
    if options.json:
        raw = {name: [asdict(turn) for turn in each] for name, each in turns.items()}
        options.json.write_text(json.dumps({"figures": figures, "turns": raw, "options": vars(options)}, default=str))
    return 0 if good and figures["earshot"]["memory_mb"] < MOST_MB else 1


if __name__ == "__main__":
    sys.exit(main())
