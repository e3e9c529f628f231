"""Who ran which node of a graph, and whether it computed the same."""

from dataclasses import dataclass, field
from typing import Dict, Optional, Tuple

from agents.wire.blob import require


@dataclass(frozen=True)
class OperatorTime:
    """One node as the runtime ran it in a profiled run: ``calls`` times on ``provider``, an execution provider or a
    delegate. ``node`` is the runtime's name for it; what a provider compiled into one is one node.

    ``time_us`` is that of all calls, ``share`` its part of all nodes' in 0..1; both None where the runtime names nodes
    and does not time them. Profiling slows kernels of microseconds several times, so shares rank, and times are no
    figure of the model.
    """

    op: str
    node: str
    provider: str
    calls: int
    time_us: Optional[float] = None
    share: Optional[float] = None

    def __post_init__(self) -> None:
        require(self.calls > 0, f"calls must be > 0, got {self.calls}")
        require((self.time_us is None) == (self.share is None), "time_us and share are known together, or not at all")
        require(self.time_us is None or self.time_us >= 0, f"time_us must be >= 0, got {self.time_us}")
        require(self.share is None or 0 <= self.share <= 1, f"share must be in 0..1, got {self.share}")


@dataclass(frozen=True)
class Profile:
    """What a runtime's profiler said, from a short run of its own: every runtime in this form.

    ``fallback``: why nodes did not go to the provider that was asked for, in the runtime's own words; None where it
    gave no reason, or none was needed. ``assigned``: provider -> nodes of the graph that it was given, of which it may
    have compiled many into one of ``operators``; empty where the runtime does not tell.
    """

    operators: Tuple[OperatorTime, ...] = ()
    fallback: Optional[str] = None
    assigned: Dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class ProviderShare:
    """What one execution provider did in a profiled run: number of nodes, share of the nodes' time in 0..1.

    ``time_share`` None: the runtime names its nodes and does not time them. ``graph_nodes``: how many of the graph's
    nodes those stand for; None where the runtime does not tell.
    """

    provider: str
    nodes: int
    time_share: Optional[float]
    operators: Tuple[str, ...] = ()
    graph_nodes: Optional[int] = None


@dataclass(frozen=True)
class DeviceParity:
    """A provider's outputs against those of ``reference``, a provider of the same build, on the device.

    Both streamed the same ``chunk_count`` chunks with their own state. ``snr_db`` None with ``max_abs`` 0: bit for bit
    the same. ``reason``: why there are no figures.
    """

    reference: str
    chunk_count: int
    max_abs: Optional[float] = None
    snr_db: Optional[float] = None
    reason: Optional[str] = None

    def __post_init__(self) -> None:
        require((self.max_abs is None) == (self.reason is not None), "parity has its figures, or the reason why not")
