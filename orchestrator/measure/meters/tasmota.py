"""Plugs with the Tasmota firmware: ``/cm?cmnd=Status%208``, https://tasmota.github.io/docs/Commands/ (Status 8)."""

from dataclasses import dataclass
from typing import Any

from orchestrator.measure.meters.base import Meter
from orchestrator.measure.meters.http_json import get_json
from orchestrator.measure.meters.plug import Plug, PlugOptions, PlugStatus, number

_PATH = "/cm?cmnd=Status%208"
J_PER_KWH = 3_600_000.0


@dataclass(frozen=True, kw_only=True)
class TasmotaOptions(PlugOptions):
    """``channel``: which of several metered relays, from 0."""

    channel: int = 0

    def check(self) -> None:
        super().check()
        if not 0 <= self.channel < 16:
            raise ValueError(f"channel must be in 0..15, got {self.channel}")

    @property
    def source(self) -> str:
        return f"Tasmota plug at {self.host}, channel {self.channel}"

    def open(self) -> Meter:
        plug = Plug(lambda: parse(get_json(self.host, _PATH), self.channel), J_PER_KWH / 1000)
        parse(get_json(self.host, _PATH), self.channel)
        return plug


def parse(answer: dict[str, Any], channel: int = 0) -> PlugStatus:
    """W and J of ``StatusSNS.ENERGY``; plugs with several relays give lists. Raises ValueError."""
    if "WARNING" in answer:
        raise ValueError('the plug asks for a password: take it away (WebPassword 0), or use kind = "command"')
    energy = answer.get("StatusSNS", {}).get("ENERGY") if isinstance(answer.get("StatusSNS"), dict) else None
    if not isinstance(energy, dict):
        raise ValueError("this plug does not measure: its Status 8 has no StatusSNS.ENERGY")
    fields = {name: _of_channel(value, channel) for name, value in energy.items()}
    # Total sums up all channels of a plug, unless it is a list too.
    shared = isinstance(energy.get("Power"), list) and not isinstance(energy.get("Total"), list)
    total_j = None if shared or "Total" not in fields else number(fields, "Total", "ENERGY") * J_PER_KWH
    return PlugStatus(number(fields, "Power", "ENERGY"), total_j)


def _of_channel(value: Any, channel: int) -> Any:
    if not isinstance(value, list):
        return value if channel == 0 else None
    return value[channel] if channel < len(value) else None
