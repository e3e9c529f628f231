"""The kinds of stand-ins by name."""

from pathlib import Path

from orchestrator.errors import BadInput
from orchestrator.measure.standin.boards import orin_nano, raspberry_pi
from orchestrator.measure.standin.kinds import pi
from orchestrator.measure.standin.network import Quality
from orchestrator.measure.standin.standin import Maker, Order, StandIn, make

KINDS: dict[str, Maker] = {
    "pi5": raspberry_pi(pi.PI_5, "raspberry-pi-5"),
    "pi4": raspberry_pi(pi.PI_4, "raspberry-pi-4"),
    "orin-nano": orin_nano,
}


def make_standin(
    kind: str, folder: Path, *, name: str | None = None, quality: Quality | None = None, **options: object
) -> StandIn:
    """A running stand-in in ``folder``, called as its kind unless named. ``options``: fields of ``HostSpec``.

    Raises BadInput for an unknown kind and DeviceNotReady where a part is missing.
    """
    if kind not in KINDS:
        raise BadInput(f"no kind of stand-in is called {kind!r}", hint=f"there are {', '.join(KINDS)}")
    folder.mkdir(parents=True, exist_ok=True)
    return make(kind, KINDS[kind], Order(name or kind, folder.resolve(), options), quality)
