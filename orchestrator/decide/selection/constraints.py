"""What a person asks for: limits that must hold and the one figure to minimize, from flags and from TOML."""

import math
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from orchestrator.decide.selection.names import nearest_name
from orchestrator.decide.selection.objective import Objective
from orchestrator.domain.decision import METRIC_OF
from orchestrator.errors import BadInput

__all__ = ["Constraints", "Objective", "read_selection"]

# Shares: zero is a sensible limit (no miss, no loss), and more than everything is a slip of the unit.
_SHARES = ("max_miss_rate", "max_quality_loss")


@dataclass(frozen=True)
class Constraints:
    """Limits on the figures of ``METRIC_OF``; None is no limit. Raises BadInput for one that cannot be meant.

    ``max_quality_loss`` bounds the error rate above the fp32 default's; it is 1 % unless said otherwise, so that a
    configuration that is fast because it is broken never wins unasked. None switches that gate off.
    """

    max_p50_ms: float | None = None
    max_p99_ms: float | None = None
    max_miss_rate: float | None = None
    max_rtf: float | None = None
    max_load_ms: float | None = None
    max_peak_mb: float | None = None
    max_size_mb: float | None = None
    max_energy_mj: float | None = None
    max_quality_loss: float | None = 0.01
    max_sustained: float | None = None
    min_streams: float | None = None

    def __post_init__(self) -> None:
        for name, limit in self.limits().items():
            _check(name, limit)
        if self.max_p50_ms is not None and self.max_p99_ms is not None and self.max_p50_ms > self.max_p99_ms:
            raise BadInput(
                f"max_p50_ms {self.max_p50_ms:g} is above max_p99_ms {self.max_p99_ms:g}, but no p50 is above its p99",
                hint="swap the two, or drop the looser one",
            )

    def limits(self) -> dict[str, float]:
        """Name of each limit that is set -> its value."""
        found = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: limit for name, limit in found.items() if limit is not None}


def read_selection(flags: Mapping[str, object], path: Path | None = None) -> tuple[Objective, Constraints]:
    """Objective and constraints from flags (``minimize`` and the limits; None: not given) and a TOML file.

    A flag wins over the file. The file has ``minimize = "..."`` and a table ``[constraints]``. Raises BadInput.
    """
    settings = {} if path is None else _read_file(path)
    settings |= {name.replace("-", "_"): value for name, value in flags.items() if value is not None}
    minimize = settings.pop("minimize", "latency")
    _refuse_unknown(settings, METRIC_OF, "limit")
    limits = {name: _number(name, value) for name, value in settings.items()}
    return Objective(str(minimize)), Constraints(**limits)


def _read_file(path: Path) -> dict[str, object]:
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise BadInput(f"cannot read the constraints {path}: {exc.strerror}", hint="check the path") from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise BadInput(f"{path} is not TOML: {exc}", hint='write it like: minimize = "latency"') from exc
    _refuse_unknown(data, ("minimize", "constraints"), f"setting of {path}")
    table = data.get("constraints", {})
    if not isinstance(table, dict):
        raise BadInput(f"constraints in {path} must be a table, got {table!r}", hint="write [constraints] above them")
    outside, inside = data.get("minimize"), table.get("minimize")
    if outside is not None and inside is not None and outside != inside:
        raise BadInput(f"{path} says minimize = {outside!r} and, below [constraints], {inside!r}: keep one")
    settings = {name.replace("-", "_"): value for name, value in table.items()}
    if len(settings) != len(table):
        raise BadInput(f"{path} sets a limit twice, once with '-' and once with '_': keep one of {', '.join(table)}")
    return settings if outside is None else {**settings, "minimize": outside}


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadInput(f"{name} must be a number, got {value!r}")
    return float(value)


def _check(name: str, limit: float) -> None:
    if not math.isfinite(limit):
        raise BadInput(f"{name} must be finite, got {limit}")
    if name in _SHARES:
        if not 0.0 <= limit <= 1.0:
            raise BadInput(f"{name} is a share in 0..1, got {limit:g}", hint=f"for {limit:g} % write {limit / 100:g}")
    elif limit <= 0.0:
        raise BadInput(f"{name} must be > 0, got {limit:g}")


def _refuse_unknown(settings: Mapping[str, object], known: Iterable[str], what: str) -> None:
    for name in settings:
        if name not in known:
            raise BadInput(f"unknown {what} {name!r}{nearest_name(name, known)}; known are {', '.join(known)}")
