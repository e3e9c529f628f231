"""What a server can take, asked before anything is sent: its product, how old a sample may be, and its clock."""

import json
import re
import time
from dataclasses import dataclass
from typing import Any

from orchestrator.tell.telemetry.server import Answer, Server

_UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000, "y": 31_536_000_000}
# Without a window for what comes late, Prometheus takes samples up to half a block (2 h) older than its newest one
# (tsdb/head.go: appendableMinValidTime).
_IN_ORDER_MS = 3_600_000
# Since Prometheus 3.8 native histograms need no flag.
_STABLE_HISTOGRAMS = (3, 8)
# VictoriaMetrics keeps a month by default, counted as 31 days (-retentionPeriod).
_VICTORIA_DEFAULT_MS = 31 * 86_400_000
# The clock of an answer has whole seconds.
CLOCK_TOLERANCE_S = 2.0


@dataclass(frozen=True)
class Abilities:
    """``oldest_ms``: an older sample will never be taken; None: not known, or nothing is too old. ``ahead_s``: how far
    our clock is ahead of the server's. ``notes``: what it cannot do, and what is done instead.
    """

    product: str
    oldest_ms: int | None
    too_old: str
    histograms: bool
    ahead_s: float
    notes: tuple[str, ...]

    def now_ms(self) -> int:
        """By the server's clock where ours is ahead of it: a sample from the future moves the server's idea of now, so
        that it refuses what comes next.
        """
        return round((time.time() - max(0.0, self.ahead_s)) * 1000)


def abilities(server: Server) -> Abilities:
    """Raises Away, MonitoringError."""
    # Taken before: a server that is slow to answer is not one whose clock is behind.
    asked_s = time.time()
    built = server.get("/api/v1/status/buildinfo")
    ahead_s = 0.0 if built.at_s is None else asked_s - built.at_s
    ahead_s = ahead_s if ahead_s > CLOCK_TOLERANCE_S else 0.0
    clock = (f"this machine's clock is {ahead_s:.0f} s ahead of the server's: times are cut to its",) if ahead_s else ()
    version = _data(built).get("version")
    if version is not None:
        return _prometheus(server, str(version), ahead_s, clock)
    flags = server.get("/flags")
    if flags.status == 200 and "-httpListenAddr=" in flags.text:
        return _victoria(flags.text, ahead_s, clock)
    note = "it does not tell what it is: nothing is held back as too old, no native histograms are sent"
    return Abilities("unknown server", None, "", False, ahead_s, (*clock, note))


def _prometheus(server: Server, version: str, ahead_s: float, notes: tuple[str, ...]) -> Abilities:
    flags, config = _data(server.get("/api/v1/status/flags")), _data(server.get("/api/v1/status/config"))
    head = _data(server.get("/api/v1/status/tsdb")).get("headStats", {})
    found = re.search(r"out_of_order_time_window: *(\S+)", str(config.get("yaml", "")))
    window_ms = duration_ms(found[1]) if found else 0
    features = str(flags.get("enable-feature", "")).split(",")
    histograms = "native-histograms" in features or _numbers(version) >= _STABLE_HISTOGRAMS
    if not window_ms:
        notes += (
            "it takes samples in order only: what comes late is refused (storage.tsdb.out_of_order_time_window: 30d)",
        )
    if not histograms:
        notes += ("it takes no native histograms: quantiles only (--enable-feature=native-histograms)",)
    if "exemplar-storage" not in features:
        notes += ("it keeps no exemplars: earshot_session_info has the sessions (--enable-feature=exemplar-storage)",)
    newest_ms = head.get("maxTime")
    empty = not isinstance(newest_ms, int) or newest_ms <= 0
    oldest_ms = None if empty else newest_ms - (window_ms or _IN_ORDER_MS)
    too_old = f"older than {_told(window_ms or _IN_ORDER_MS)} before the newest sample of the server"
    return Abilities(f"Prometheus {version}", oldest_ms, too_old, histograms, ahead_s, notes)


def _victoria(flags: str, ahead_s: float, notes: tuple[str, ...]) -> Abilities:
    found = re.search(r'^-retentionPeriod="(\w+)"', flags, re.MULTILINE)
    text = found[1] if found else ""
    # A number alone counts months of 31 days.
    kept_ms = int(text) * _VICTORIA_DEFAULT_MS if text.isdigit() else (duration_ms(text) or _VICTORIA_DEFAULT_MS)
    oldest_ms = round(time.time() * 1000) - kept_ms
    notes += ("it takes no native histograms and no exemplars: quantiles only",)
    return Abilities("VictoriaMetrics", oldest_ms, f"older than the {_told(kept_ms)} it keeps", False, ahead_s, notes)


def duration_ms(text: str) -> int:
    """Of 30d, 1h30m, or a number of milliseconds, as configurations of Prometheus are shown; 0 for what is none."""
    if text.isdigit():
        return int(text)
    parts = re.findall(r"(\d+)(ms|[smhdwy])", text)
    return sum(int(number) * _UNITS_MS[unit] for number, unit in parts)


def _data(answer: Answer) -> dict[str, Any]:
    """Of an answer of Prometheus's API; empty for anything else."""
    if answer.status != 200:
        return {}
    try:
        found = json.loads(answer.text)
    except ValueError:
        return {}
    data = found.get("data") if isinstance(found, dict) else None
    return data if isinstance(data, dict) else {}


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])


def _told(duration_ms: int) -> str:
    hours = duration_ms / _UNITS_MS["h"]
    return f"{hours / 24:g} d" if hours >= 48 else f"{hours:g} h"
