"""What measuring cost a session, and whether it changes what is measured on a device."""

from dataclasses import dataclass

from agents import wire
from orchestrator.domain.session import Session
from orchestrator.statistics.interval import Interval
from orchestrator.statistics.intervals import ratio_paired

# A change of the service time by less than this share is not worth a word: nobody hears it.
MATTERS = 0.05
_NS_PER_S = 1e9


def sampler_share(observer: wire.ObserverCost) -> float | None:
    """Of one core; None where there was no sampler, or it did not tell."""
    return _share(observer.sampler_cpu_s, observer)


def watchdog_share(observer: wire.ObserverCost) -> float | None:
    return _share(observer.watchdog_cpu_s, observer)


def beside_share(observer: wire.ObserverCost) -> float | None:
    """What the processes beside the session took of one core; None where neither is known."""
    known = [share for share in (sampler_share(observer), watchdog_share(observer)) if share is not None]
    return sum(known) if known else None


def _share(cpu_s: float | None, observer: wire.ObserverCost) -> float | None:
    return None if cpu_s is None or not observer.wall_s else cpu_s / observer.wall_s


def per_chunk_ns(session: Session) -> float | None:
    """What the loop took for one chunk beside its stages: flat out the median gap, paced the mean of its CPU time, with
    waking up and the spin before an arrival. None where it is not known.
    """
    observer, chunks = session.result.observer, session.result.chunk_count
    if observer is None or not chunks:
        return None
    if observer.per_chunk_ns is not None:
        return float(observer.per_chunk_ns)
    return (observer.process_cpu_s - observer.stage_cpu_s) * _NS_PER_S / chunks


def rss_bytes(observer: wire.ObserverCost) -> int | None:
    """Of all three processes without runtime and model; what they share counts in each. None where one is not known."""
    parts = (observer.agent_rss_bytes, observer.watchdog_rss_bytes)
    # Without a sampler there is none to count.
    known = [part for part in (*parts, observer.sampler_rss_bytes) if part is not None]
    return None if None in parts else sum(known)


def told(observer: wire.ObserverCost, chunk_ns: float | None) -> str:
    """In one line: ``loop 1.1 %, sampler 0.4 %, watchdog 0.2 %; 105 us a chunk; 47 MB beside the model``."""
    beside = {"sampler": sampler_share(observer), "watchdog": watchdog_share(observer)}
    loop = None if observer.harness_cpu_share is None else observer.harness_cpu_share - (beside_share(observer) or 0.0)
    shares = {"loop": loop, **beside}
    parts = [", ".join(f"{name} {100 * share:.2g} %" for name, share in shares.items() if share is not None)]
    rss = rss_bytes(observer)
    parts += [] if chunk_ns is None else [f"{chunk_ns / 1e3:.3g} us a chunk"]
    parts += [] if rss is None else [f"{rss / 1e6:.0f} MB beside the model"]
    return "; ".join(parts)


@dataclass(frozen=True)
class OnOff:
    """Runs of one fixed load on a device, with sampler and journal on and off in turn, found ``at_utc``.

    ``on_ms`` and ``off_ms``: mean service time of a chunk in each run, pair by pair. ``cost``: of the run with both on
    whose sampler took the most, and ``chunk_ns`` of its loop.
    """

    device: str
    device_model: str
    at_utc: str
    agent_sha256: str
    on_ms: tuple[float, ...]
    off_ms: tuple[float, ...]
    cost: wire.ObserverCost
    chunk_ns: float | None

    def __post_init__(self) -> None:
        if len(self.on_ms) != len(self.off_ms) or len(self.on_ms) < 2:
            raise ValueError(f"on and off are at least 2 pairs, got {len(self.on_ms)} and {len(self.off_ms)} runs")

    @property
    def ratio(self) -> Interval:
        """Service time on / off with its 95 % interval over the pairs."""
        return ratio_paired(self.on_ms, self.off_ms)

    @property
    def changes(self) -> bool | None:
        """True: observing was seen to change the service time by what matters, or may do so. False: what it may change
        is less. None: neither can be said.
        """
        low, high = self._ends()
        if max(high, 1 / low) <= 1 + MATTERS:
            return False
        return True if low > 1 or high < 1 else None

    @property
    def said(self) -> str:
        low, high = self._ends()
        seen = f"service time x{self.ratio.value:.3f} ({low:.3f}..{high:.3f}) with it, {self.ratio.n} pairs of runs"
        verdict = {
            True: "observing changes it",
            False: f"no change beyond {100 * MATTERS:g} %",
            None: "cannot say whether observing changes it",
        }[self.changes]
        return f"{verdict}: {seen}"

    def _ends(self) -> tuple[float, float]:
        found = self.ratio
        assert found.low is not None
        assert found.high is not None
        return found.low, found.high
