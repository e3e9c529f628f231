"""What a person asks for, from a preset, a file and flags: each says a part, and the later wins over the earlier."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.decide.selection.constraints import Constraints, require_fitting
from orchestrator.decide.selection.goals import Goal, by_metric
from orchestrator.decide.selection.names import nearest_name
from orchestrator.decide.selection.objective import Objective
from orchestrator.domain.decision import METRIC_OF
from orchestrator.errors import BadInput

_SETTINGS = ("says", "minimize", "weigh", "real_time", "constraints", "goals")


@dataclass(frozen=True)
class Request:
    """What one of them says; None or empty where it is silent. ``objective`` as ``Objective`` takes it; ``goals`` by
    metric; ``says``: in a sentence, what it is for.
    """

    objective: str | None = None
    limits: Mapping[str, float] = field(default_factory=dict)
    goals: Mapping[str, Goal] = field(default_factory=dict)
    real_time: bool | None = None
    says: str = ""

    def over(self, below: "Request") -> "Request":
        """This one where it says something, else ``below``; a limit and a goal for one figure replace each other."""
        limited, bounded = {METRIC_OF[name] for name in self.limits}, {m for m, g in self.goals.items() if g.is_limit}
        return Request(
            self.objective or below.objective,
            {**{name: v for name, v in below.limits.items() if METRIC_OF[name] not in bounded}, **self.limits},
            {**{m: g for m, g in below.goals.items() if not (g.is_limit and m in limited)}, **self.goals},
            below.real_time if self.real_time is None else self.real_time,
            self.says or below.says,
        )

    def selection(self) -> tuple[Objective, Constraints]:
        """Raises BadInput where its parts contradict each other. A goal for quality takes the place of the 1 % that is
        allowed where nobody says anything.
        """
        limits: dict[str, float | None] = dict(self.limits)
        if "quality_loss" in self.goals:
            limits.setdefault("max_quality_loss", None)
        constraints = Constraints(
            **limits,
            goals=tuple(self.goals.values()),
            real_time=self.real_time is not False,
            quality_asked="max_quality_loss" in limits,
        )
        objective = Objective(self.objective or "latency")
        require_fitting(objective, constraints)
        return objective, constraints


def read_flags(flags: Mapping[str, object]) -> Request:
    """``minimize``, ``weigh``, ``goals`` (texts) and the limits, with ``-`` or ``_``; None: not given."""
    given = {name.replace("-", "_"): value for name, value in flags.items() if value is not None}
    objective = _objective(given.pop("minimize", None), given.pop("weigh", None), "the flags")
    texts = given.pop("goals", ())
    assert isinstance(texts, Iterable)
    return Request(objective, _limits(given), by_metric(Goal.parse(str(text)) for text in texts))


def read_request(path: Path) -> Request:
    """A TOML file with ``minimize`` or ``weigh``, ``real_time``, ``[constraints]`` and ``[goals]``. Raises BadInput."""
    try:
        return parse_request(path.read_text(encoding="utf-8"), str(path))
    except OSError as exc:
        raise BadInput(f"cannot read the constraints {path}: {exc.strerror}", hint="check the path") from exc
    except UnicodeDecodeError as exc:
        raise BadInput(f"{path} is not TOML: {exc}", hint='write it like: minimize = "latency"') from exc


def parse_request(text: str, name: str) -> Request:
    """``name``: of the file, for messages. Raises BadInput."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise BadInput(f"{name} is not TOML: {exc}", hint='write it like: minimize = "latency"') from exc
    refuse_unknown(data, _SETTINGS, f"setting of {name}")
    limits = _settings_of(_table(data, "constraints", name), name)
    inside, outside = limits.pop("minimize", None), data.get("minimize")
    if None not in (inside, outside) and inside != outside:
        raise BadInput(f"{name} says minimize = {outside!r} and, below [constraints], {inside!r}: keep one")
    real_time = data.get("real_time")
    if real_time is not None and not isinstance(real_time, bool):
        raise BadInput(f"real_time in {name} must be true or false, got {real_time!r}")
    goals = by_metric(_goal(metric, said, name) for metric, said in _table(data, "goals", name).items())
    objective = _objective(inside if outside is None else outside, data.get("weigh"), name)
    return Request(objective, _limits(limits), goals, real_time, str(data.get("says", "")))


def refuse_unknown(settings: Iterable[str], known: Iterable[str], what: str) -> None:
    for name in settings:
        if name not in known:
            raise BadInput(f"unknown {what} {name!r}{nearest_name(name, known)}; known are {', '.join(known)}")


def _objective(minimize: object, weigh: object, where: str) -> str | None:
    if minimize is not None and weigh is not None:
        raise BadInput(f"{where} say both minimize = {minimize!r} and weigh = {weigh!r}", hint="keep one of the two")
    if isinstance(weigh, Mapping):
        weigh = ",".join(f"{name}={weight}" for name, weight in weigh.items())
    if weigh is not None and "=" not in str(weigh):
        raise BadInput(f"weigh must be names with weights, got {weigh!r}", hint="write it like latency=2,energy=1")
    said = minimize if weigh is None else weigh
    return None if said is None else str(said)


def _table(data: Mapping[str, object], key: str, name: str) -> dict[str, object]:
    table = data.get(key, {})
    if not isinstance(table, dict):
        raise BadInput(f"{key} in {name} must be a table, got {table!r}", hint=f"write [{key}] above its lines")
    return table


def _settings_of(table: Mapping[str, object], name: str) -> dict[str, object]:
    settings = {key.replace("-", "_"): value for key, value in table.items()}
    if len(settings) != len(table):
        raise BadInput(f"{name} sets a limit twice, once with '-' and once with '_': keep one of {', '.join(table)}")
    return settings


def _limits(settings: Mapping[str, object]) -> dict[str, float]:
    refuse_unknown(settings, METRIC_OF, "limit")
    return {name: number(name, value) for name, value in settings.items()}


def _goal(metric: str, said: object, where: str) -> Goal:
    """``{percent-min-improvement = 20}``, or as Olive writes it ``{type = "percent-min-improvement", value = 20}``."""
    what = f"the goal of {metric} in {where}"
    if isinstance(said, Mapping) and set(said) == {"type", "value"}:
        return Goal.of(metric, str(said["type"]), number(what, said["value"]))
    if isinstance(said, Mapping) and len(said) == 1:
        kind, value = next(iter(said.items()))
        return Goal.of(metric, str(kind), number(what, value))
    raise BadInput(f"{what} must be one type with its value, got {said!r}", hint="{ percent-min-improvement = 20 }")


def number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadInput(f"{name} must be a number, got {value!r}")
    return float(value)
