"""The kinds of stand-ins by name."""

import os
from pathlib import Path

from orchestrator.errors import BadInput
from orchestrator.measure.standin.boards import orin_nano, raspberry_pi
from orchestrator.measure.standin.emulated import aarch64
from orchestrator.measure.standin.kinds import pi
from orchestrator.measure.standin.network import Quality
from orchestrator.measure.standin.phones import galaxy_a15, pixel_8
from orchestrator.measure.standin.standin import Maker, Order, StandIn, make

KINDS: dict[str, Maker] = {
    "pi5": raspberry_pi(pi.PI_5, "raspberry-pi-5"),
    "pi4": raspberry_pi(pi.PI_4, "raspberry-pi-4"),
    "orin-nano": orin_nano,
    "pixel-8": pixel_8,
    "galaxy-a15": galaxy_a15,
    "aarch64": aarch64,
}


def cache_folder() -> Path:
    """Where roots are kept that were fetched once: below XDG_CACHE_HOME, else ~/.cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "earshot" / "stand-ins"


def make_standin(
    kind: str,
    folder: Path,
    *,
    name: str | None = None,
    quality: Quality | None = None,
    cache: Path | None = None,
    **options: object,
) -> StandIn:
    """A running stand-in in ``folder``, called as its kind unless named. ``options``: fields of ``HostSpec``.

    Raises BadInput for an unknown kind and DeviceNotReady where a part is missing.
    """
    if kind not in KINDS:
        raise BadInput(f"no kind of stand-in is called {kind!r}", hint=f"there are {', '.join(KINDS)}")
    folder.mkdir(parents=True, exist_ok=True)
    return make(kind, KINDS[kind], Order(name or kind, folder.resolve(), cache or cache_folder(), options), quality)
