"""The network between sites and their database: a switch in a namespace of its own, a cable to each site.

    site --uplink------port1 [hub: switch0, PostgreSQL] port2------uplink-- site

Three ways to lose a cable, none of which sends a word to open connections: ``SILENT`` is one that was cut behind a
switch: the carrier stays, nothing passes. ``DOWN`` is one that was pulled out at the site: who dials there is told at
once. ``ONE_WAY`` loses what the hub sends: the database hears the site, commits, and its answers never come.
"""

from orchestrator.measure.standin.namespaces import Namespace

SILENT, DOWN, ONE_WAY = "silent", "down", "one way"
CUTS = (SILENT, DOWN, ONE_WAY)
# Reserved for documentation (RFC 5737): no real host is shadowed by it, and no stand-in has it.
ADDRESS, SUBNET = "192.0.2.1", "192.0.2.0/24"
_HUB_MAC = "02:ea:03:00:00:00"
# Of what a token bucket holds: every packet is larger, and is dropped.
_NO_ROOM = "tbf rate 8kbit burst 10 limit 10"


class Hub:
    def __init__(self) -> None:
        self.namespace = Namespace("net")
        _ip(
            self.namespace,
            "link set lo up",
            f"link add switch0 address {_HUB_MAC} type bridge",
            "link set switch0 addrgenmode none up",
            f"address add {ADDRESS}/24 dev switch0",
        )

    def close(self) -> None:
        self.namespace.close()


class Cable:
    """From the hub to ``site``, a new network namespace. ``number``: 1..200, of this site alone."""

    def __init__(self, hub: Hub, number: int) -> None:
        self._hub, self._port = hub.namespace, f"port{number}"
        self.address = f"192.0.2.{number + 10}"
        self._mac = f"02:ea:03:00:01:{number:02x}"
        self.site = Namespace("net")
        pair = f"link add {self._port} type veth peer name uplink address {self._mac} netns {self.site.pid}"
        # Sites meet in the database, not on the wire.
        alone = f"link set {self._port} type bridge_slave isolated on"
        _ip(self._hub, pair, f"link set {self._port} master switch0 addrgenmode none up", alone)
        _ip(
            self.site,
            "link set lo up",
            "link set uplink addrgenmode none up",
            f"address add {self.address}/24 dev uplink",
        )
        self._know_neighbours()
        self.lost: str | None = None

    def cut(self, how: str) -> None:
        """``how``: of ``CUTS``."""
        self.heal()
        self.lost = how
        if how == SILENT:
            _ip(self._hub, f"link set {self._port} nomaster")
        elif how == DOWN:
            _ip(self.site, "link set uplink down")
        else:
            self._hub.run(["tc", "qdisc", "add", "dev", self._port, "root", *_NO_ROOM.split()])

    def heal(self) -> None:
        """What was lost before is lost; what is sent from now on arrives."""
        if self.lost == SILENT:
            _ip(self._hub, f"link set {self._port} master switch0")
            _ip(self._hub, f"link set {self._port} type bridge_slave isolated on")
        elif self.lost == DOWN:
            _ip(self.site, "link set uplink up")
            self._know_neighbours()
        elif self.lost == ONE_WAY:
            self._hub.run(["tc", "qdisc", "delete", "dev", self._port, "root"])
        self.lost = None

    def close(self) -> None:
        """With it goes its end at the hub."""
        self.site.close()

    def _know_neighbours(self) -> None:
        """Fixed: a cut cable must not show as an unanswered question for an address."""
        _ip(self._hub, f"neighbour replace {self.address} lladdr {self._mac} dev switch0 nud permanent")
        _ip(self.site, f"neighbour replace {ADDRESS} lladdr {_HUB_MAC} dev uplink nud permanent")


def _ip(where: Namespace, *commands: str) -> None:
    where.run(["ip", "-batch", "-"], input_text="\n".join(commands) + "\n")
