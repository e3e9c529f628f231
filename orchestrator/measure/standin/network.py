"""The cable of a stand-in device: bandwidth, delay, jitter and loss that change live, and a cut that nobody announces.

    controller --veth-- [wire: bridge, or relay] --veth-- eth0 of the device

The wire is a network namespace of its own between the two. A plain link is a kernel bridge there; a link with delay,
jitter or loss is relay.py, because many kernels have no sch_netem. Bandwidth is a token bucket on both of the wire's
ends. A cut link keeps its carrier at both ends, as a cable cut behind a switch does: no RST, no error, only silence.
"""

import contextlib
import fcntl
import ipaddress
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from orchestrator.errors import DeviceNotReady
from orchestrator.measure.standin.held import HeldProcess
from orchestrator.measure.standin.namespaces import Namespace, command

# Reserved for benchmarks of network devices (RFC 2544, appendix C.2.2): no real host is shadowed by it.
_ADDRESSES = ipaddress.IPv4Network("198.18.0.0/15")
_RELAY = Path(__file__).with_name("relay.py")
# A token bucket must hold what one timer tick lets through, and one segmented burst of 64 KiB.
_LEAST_BURST_BYTES = 65_536
_BURST_S = 0.002
# What waits longer than this in the bucket's queue is dropped, as a home router would.
_QUEUE_MS = 50


@dataclass(frozen=True)
class Quality:
    """``rate_mbit`` None: as fast as the machine. ``delay_ms`` and ``jitter_ms`` are one way, ``loss`` in 0..1."""

    rate_mbit: float | None = None
    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    loss: float = 0.0

    def __post_init__(self) -> None:
        if self.rate_mbit is not None and not 0.01 <= self.rate_mbit <= 100_000:
            raise ValueError(f"rate_mbit must be in 0.01..100000, got {self.rate_mbit}")
        for name in ("delay_ms", "jitter_ms"):
            if not 0 <= getattr(self, name) <= 10_000:
                raise ValueError(f"{name} must be in 0..10000, got {getattr(self, name)}")
        if not 0 <= self.loss <= 1:
            raise ValueError(f"loss must be in 0..1, got {self.loss}")

    @property
    def needs_relay(self) -> bool:
        return bool(self.delay_ms or self.jitter_ms or self.loss)


class Link:
    """A cable between the caller's network namespace and ``namespace``, which a device lives in."""

    def __init__(self, quality: Quality | None = None) -> None:
        """Needs CAP_NET_ADMIN here. Raises DeviceNotReady."""
        self._quality = quality or Quality()
        self._cut = False
        self._relay: HeldProcess | None = None
        self.wire = Namespace("net")
        self.namespace = Namespace("net", "mnt")
        try:
            with _one_at_a_time():
                self.number, self.address, self.device_address = _free_addresses()
                self._lay()
            self._apply()
        except BaseException:
            self.close()
            raise

    @property
    def quality(self) -> Quality:
        return self._quality

    @property
    def is_cut(self) -> bool:
        return self._cut

    def cut(self) -> None:
        """Nothing passes from now on, in either direction; both ends believe that the cable is in."""
        self._cut = True
        self._apply()

    def restore(self) -> None:
        self._cut = False
        self._apply()

    def set_quality(self, quality: Quality) -> None:
        """Takes hold at once, also for connections that are open."""
        self._quality = quality
        self._apply()

    def close(self) -> None:
        """Takes the cable away, and with it both of its ends."""
        self._stop_relay()
        self.wire.close()
        self.namespace.close()
        if hasattr(self, "number"):
            # Gone with its other end, in most cases; the kernel takes its time for that.
            with contextlib.suppress(DeviceNotReady):
                command(["ip", "link", "delete", self._name])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def _name(self) -> str:
        return f"earshot{self.number}"

    def _lay(self) -> None:
        """Both veth pairs with their addresses. Neighbours are fixed: a cut link must not show as an ARP failure."""
        near, far = (f"02:ea:{end:02x}:00:{self.number >> 8:02x}:{self.number & 255:02x}" for end in (1, 2))
        wire, device = self.wire.pid, self.namespace.pid
        _ip(None, f"link add {self._name} address {near} type veth peer name left netns {wire}")
        _ip(
            self.wire,
            f"link add right type veth peer name eth0 address {far} netns {device}",
            "link add bridge0 type bridge",
            *[f"link set {end} addrgenmode none up" for end in ("left", "right", "bridge0")],
        )
        _ip(
            self.namespace,
            "link set lo up",
            "link set eth0 addrgenmode none up",
            f"address add {self.device_address}/30 dev eth0",
            f"route add default via {self.address}",
            f"neighbour replace {self.address} lladdr {near} dev eth0 nud permanent",
        )
        _ip(
            None,
            f"link set {self._name} addrgenmode none up",
            f"address add {self.address}/30 dev {self._name}",
            f"neighbour replace {self.device_address} lladdr {far} dev {self._name} nud permanent",
        )

    def _apply(self) -> None:
        bridged = not self._cut and not self._quality.needs_relay
        master = "master bridge0" if bridged else "nomaster"
        for end in ("left", "right"):
            _ip(self.wire, f"link set {end} {master}")
            self._limit(end)
        if self._quality.needs_relay:
            self._tell_relay()
        else:
            self._stop_relay()

    def _limit(self, end: str) -> None:
        rate_mbit = self._quality.rate_mbit
        if rate_mbit is None:
            with contextlib.suppress(DeviceNotReady):  # There was no limit.
                self.wire.run(["tc", "qdisc", "delete", "dev", end, "root"])
            return
        burst = max(_LEAST_BURST_BYTES, int(rate_mbit * 1e6 / 8 * _BURST_S))
        bucket = ["tbf", "rate", f"{rate_mbit}mbit", "burst", str(burst), "latency", f"{_QUEUE_MS}ms"]
        self.wire.run(["tc", "qdisc", "replace", "dev", end, "root", *bucket])

    def _tell_relay(self) -> None:
        if self._relay is None:
            argv = self.wire.argv([sys.executable, "-I", "-S", str(_RELAY), "left", "right"])
            self._relay = HeldProcess(argv, what=f"the relay of link {self._name}")
        delay_s, jitter_s = self._quality.delay_ms / 1e3, self._quality.jitter_ms / 1e3
        order = {"up": not self._cut, "delay_s": delay_s, "jitter_s": jitter_s, "loss": self._quality.loss}
        self._relay.ask(json.dumps(order))

    def _stop_relay(self) -> None:
        if self._relay is not None:
            self._relay.close()
            self._relay = None


def _ip(where: Namespace | None, *commands: str) -> None:
    argv = ["ip", "-batch", "-"]
    command(where.argv(argv) if where else argv, input_text="\n".join(commands) + "\n")


@contextlib.contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Two processes that look for a free address at the same time would find the same one: one lock per network."""
    with Path("/proc/self/ns/net").open("rb") as network:
        fcntl.flock(network, fcntl.LOCK_EX)
        yield


def _free_addresses() -> tuple[int, str, str]:
    """The number of the first /30 that no interface and no route of this machine has, and its two addresses."""
    taken = _networks("address") + _networks("route")
    for number, network in enumerate(_ADDRESSES.subnets(new_prefix=30)):
        if not any(network.overlaps(other) for other in taken):
            return number, str(network[1]), str(network[2])
    raise DeviceNotReady(f"no free /30 is left in {_ADDRESSES}")


def _networks(what: str) -> list[ipaddress.IPv4Network]:
    """What this network namespace has of ``address`` or ``route``, without the default route."""
    entries = json.loads(command(["ip", "-json", "-4", what, "show"]) or "[]")
    if what == "address":
        pairs = [f"{a['local']}/{a['prefixlen']}" for entry in entries for a in entry.get("addr_info", ()) if a]
    else:
        pairs = [entry["dst"] for entry in entries if entry.get("dst") not in (None, "default")]
    return [ipaddress.IPv4Network(pair, strict=False) for pair in pairs]
