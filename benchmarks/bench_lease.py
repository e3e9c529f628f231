"""What a lease costs: acquire and release in SQLite, and a session under a lease against one without.

Sessions are flat-out ones of the agent's echo stand-in on this machine, alternating, so that both kinds meet the same
noise. Under the lease the device keeps it too (fence file, token in the RunSpec), and the ledger gets a heartbeat every
50 ms instead of every 15 s. Prints JSON: medians, and the ratios with / without.
"""

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from agents import wire
from orchestrator.ledger import leases
from orchestrator.ledger.ledger import Ledger
from orchestrator.measure.deploy.agent import DeployedAgent
from orchestrator.measure.deploy.archive import build_agent_archive
from orchestrator.measure.deploy.push import deploy, push_blobs
from orchestrator.measure.deploy.run import run_session
from orchestrator.measure.lab import lease as lease_module
from orchestrator.measure.lab.device import Device
from orchestrator.measure.lab.lease import hold, take
from orchestrator.measure.transports.local import LocalTransport
from tests.orchestrator.measure.sessions import Files, echo_spec, session_files

LEASES, SESSIONS, CHUNKS, HEARTBEAT_S = 300, 15, 3000, 0.05
DEVICE = Device("bench", "local")


def lease_ms(ledger: Ledger) -> float:
    """Median of one acquire and release, ms."""
    taken = []
    for _ in range(LEASES):
        begin = time.perf_counter()
        leases.release(ledger, take(ledger, "other", "bench"))
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken) * 1e3


@contextmanager
def leased(ledger: Ledger, agent: DeployedAgent) -> Iterator[int]:
    with (
        hold(ledger, DEVICE, "bench", lambda: LocalTransport("bench")) as held,
        held.on_device(agent),
        held.measuring(),
    ):
        yield held.token


@contextmanager
def unleased(ledger: Ledger, agent: DeployedAgent) -> Iterator[int]:
    yield 0


def session(agent: DeployedAgent, files: Files, number: int, fence: int, scratch: Path) -> tuple[float, float]:
    """(wall time of the session as the controller sees it, median service time of its chunks), ms."""
    begin = time.perf_counter()
    spec = echo_spec(files, f"s-{number}", mode="flat-out", chunk_count=CHUNKS, sampler_hz=0.0, fence=fence)
    _, arrays = run_session(agent, spec, on_event=lambda event: None, arrays_dir=scratch)
    wall_ms = (time.perf_counter() - begin) * 1e3
    service_ns = arrays["t_ns"][:, wire.DONE] - arrays["t_ns"][:, wire.ISSUE]
    return wall_ms, statistics.median(service_ns.tolist()) / 1e6


def main() -> None:
    lease_module.HEARTBEAT_S = HEARTBEAT_S
    kinds = {"without": unleased, "with": leased}
    seen: dict[str, list[tuple[float, ...]]] = {kind: [] for kind in kinds}
    with tempfile.TemporaryDirectory() as folder, LocalTransport("bench") as transport:
        scratch = Path(folder)
        files, archive = session_files(scratch / "files"), build_agent_archive(scratch)
        # A device that has ever given out a lease starts nothing without one, so each kind has its own.
        agents = {kind: deploy(transport, archive, str(scratch / kind)) for kind in kinds}
        for agent in agents.values():
            push_blobs(agent, files)
        with Ledger.open(scratch / "ledger.db") as ledger:
            acquire_release_ms = lease_ms(ledger)
            for number in range(SESSIONS):
                for kind, having in kinds.items():
                    begin = time.perf_counter()
                    with having(ledger, agents[kind]) as fence:
                        inner = session(agents[kind], files, number, fence, scratch)
                    seen[kind].append(((time.perf_counter() - begin) * 1e3, *inner))
    names = ("command_ms", "session_ms", "chunk_service_ms")
    medians = {k: dict(zip(names, map(statistics.median, zip(*rows)))) for k, rows in seen.items()}  # noqa: B905
    ratios = {f"{name}_ratio": medians["with"][name] / medians["without"][name] for name in names}
    print(
        json.dumps({"acquire_release_ms": acquire_release_ms, "sessions_each": SESSIONS, **medians, **ratios}, indent=2)
    )


if __name__ == "__main__":
    main()
