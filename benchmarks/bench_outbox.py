"""Samples a second from the ledger's outbox into a real Prometheus, beside prometheus-remote-writer.

What an outage of an hour and a half leaves behind: a session a minute of each of 200 configurations, 20 samples and an
exemplar each, 360,000 samples. Earshot reads them from the outbox and remembers in the ledger what was taken; the other
library gets the same samples without exemplars, grouped by series in memory, and remembers nothing. Each in turn, into
an empty Prometheus of its own; the most of several rounds is what the program does, as others only take away from it.

The other library, in an environment that is no part of the project's:
    pip install --target RIVAL --no-deps prometheus-remote-writer==1.1.3 'python-snappy<0.8' requests urllib3 certifi \
        idna charset-normalizer && PYTHONPATH=RIVAL python benchmarks/bench_outbox.py

python benchmarks/bench_outbox.py [--rounds 3] [--minutes 90] [--first]
"""

import argparse
import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from orchestrator.ledger import outbox, outbox_targets  # noqa: E402
from orchestrator.ledger.ledger import Ledger  # noqa: E402
from orchestrator.tell.telemetry.told import labels_of, samples_of  # noqa: E402
from orchestrator.workflows.telemetry import push  # noqa: E402
from tests.orchestrator.tell.telemetry.told import told  # noqa: E402
from tests.prometheus import Prometheus, prometheus  # noqa: E402

TARGET_PER_S = 100_000
DEVICES, CONFIGURATIONS = 20, 10


def fill(ledger: Ledger, minutes: int) -> int:
    """How many samples."""
    now_ms = round(time.time() * 1000)
    for minute in range(minutes):
        at_ms = now_ms - (minutes - minute) * 60_000
        places = [(device, threads) for device in range(DEVICES) for threads in range(1, CONFIGURATIONS + 1)]
        outbox.add(ledger, [told(minute, at_ms + 10 * d, d, t).entry() for d, t in places])
    return outbox_targets.waiting(ledger, outbox_targets.Target("")).samples


def by_earshot(ledger: Ledger, server: Prometheus) -> None:
    pushed = push(ledger, server.url, instance="lab")
    assert not pushed.delivered.refused


def as_items(ledger: Ledger) -> list[dict[str, Any]]:
    """As prometheus-remote-writer takes them: a series with its values and its times."""
    items: dict[tuple[Any, ...], dict[str, Any]] = {}
    for entry in outbox.all_entries(ledger):
        for sample in samples_of(entry.record):
            labels = (("__name__", sample.name), *labels_of(entry.record), *sample.labels)
            metric = dict((*labels, ("instance", "lab"), ("job", "earshot")))
            item = items.setdefault(labels, {"metric": metric, "values": [], "timestamps": []})
            item["values"].append(sample.value)
            item["timestamps"].append(entry.at_ms)
    return list(items.values())


def by_other(items: list[dict[str, Any]], server: Prometheus) -> None:
    from prometheus_remote_writer import RemoteWriter

    with RemoteWriter(f"{server.url}/api/v1/write", sort_labels=True) as writer:
        writer.send(items)


def count(server: Prometheus, minutes: int) -> int:
    found = server.query(f'{{__name__=~"earshot_.+"}}[{minutes + 60}m]', time.time() + 60)
    return sum(len(series["values"]) for series in found)


def rate(act: Callable[[Prometheus], None], samples: int, minutes: int) -> float:
    """Samples a second until the last one was taken; all of them must be there."""
    with tempfile.TemporaryDirectory() as name, prometheus(Path(name)) as server:
        begin_s = time.perf_counter()
        act(server)
        spent_s = time.perf_counter() - begin_s
        assert count(server, minutes) == samples
    return samples / spent_s


@contextlib.contextmanager
def filled(minutes: int) -> Iterator[tuple[Ledger, int]]:
    with tempfile.TemporaryDirectory() as name, Ledger.open(Path(name) / "ledger.db") as ledger:
        yield ledger, fill(ledger, minutes)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--minutes", type=int, default=90)
    parser.add_argument("--first", action="store_true", help="run ahead of whatever else this machine does")
    options = parser.parse_args()
    if options.first:
        # What is started from here on inherits it.
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    with filled(options.minutes) as (ledger, samples):
        ways: dict[str, Callable[[Prometheus], None]] = {"outbox": lambda server: by_earshot(ledger, server)}
        with contextlib.suppress(ModuleNotFoundError):
            import prometheus_remote_writer  # noqa: F401

            items = as_items(ledger)
            ways["prometheus-remote-writer"] = lambda server: by_other(items, server)
        rates: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(options.rounds):
            for name, act in ways.items():
                rates[name].append(rate(act, samples, options.minutes))
    priority = ", at real-time priority" * options.first
    print(
        f"{samples} samples into an empty Prometheus, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores{priority}"
    )
    for name, found in rates.items():
        print(f"  {name:26} {max(found):9.0f} samples/s most, {sorted(found)[len(found) // 2]:9.0f} median")
    best = max(rates["outbox"])
    if len(rates) > 1:
        print(f"  outbox / prometheus-remote-writer: {best / max(rates['prometheus-remote-writer']):.2f}")
    else:
        print("  prometheus-remote-writer is not installed: see the head of this file")
    print(f"ratio to the target: {best / TARGET_PER_S:.2f} (of {TARGET_PER_S} samples/s, above 1)")
    return 0 if best >= TARGET_PER_S else 1


if __name__ == "__main__":
    sys.exit(main())
