"""Reads the file of a cascade strictly: every problem at once, with the nearest known name.

[[stage]]
name = "vad"
model = "silero-vad"
when = "always"
budget_ms = 10
"""

import difflib
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agents import wire
from agents.strict_json import to_json
from orchestrator.domain.cascade import ALWAYS, WHENS
from orchestrator.domain.recipe import Recipe
from orchestrator.errors import BadInput, BadRecipe
from orchestrator.workflows.option_axis import SessionOption

_NUMBER = (int, float)
_TOP: dict[str, Any] = {"name": str, "order": str, "audio": dict, "gate": dict, "stage": list}
_AUDIO: dict[str, Any] = {"model": str, "split": str, "pause_ms": _NUMBER, "file": str}
_GATE: dict[str, Any] = dict.fromkeys(("threshold", "release", "hangover_ms", "pre_roll_ms"), _NUMBER)
_STAGE: dict[str, Any] = {
    "name": str,
    "model": str,
    "when": str,
    "recipe": str,
    "provider": str,
    "threads": int,
    "chunk_ms": _NUMBER,
    "options": list,
    "budget_ms": _NUMBER,
    "reply_tokens": int,
}
_EXAMPLE = "docs/how-to/cascade.md has one to start from"
_SPLITS = ("test", "track")


@dataclass(frozen=True)
class WantedStage:
    """``provider`` None: the runtime's own choice. ``chunk_ms`` None: the contract's own."""

    name: str
    model: str
    when: str
    recipe: Recipe = field(default_factory=lambda: Recipe("onnx", "fp32"))
    provider: str | None = None
    threads: int = 1
    chunk_ms: float | None = None
    options: tuple[SessionOption, ...] = ()
    budget_ms: float | None = None


@dataclass(frozen=True)
class WantedAudio:
    """``model``: whose evaluation set is streamed, None: that of the stage that makes text; ``pause_ms`` of quiet after
    each of its utterances, so that they end. ``file``: your own audio instead, as it is.
    """

    model: str | None = None
    split: str = "test"
    pause_ms: float = 900.0
    file: Path | None = None


@dataclass(frozen=True)
class WantedCascade:
    """As the file says it. ``threshold``, ``release`` and ``hangover_ms`` None: those of the first stage's contract."""

    path: Path
    name: str
    stages: tuple[WantedStage, ...]
    audio: WantedAudio
    order: str = wire.AUDIO_FIRST
    threshold: float | None = None
    release: float | None = None
    hangover_ms: float | None = None
    pre_roll_ms: float = 250.0
    reply_tokens: int = 16

    def question(self) -> dict[str, object]:
        """As plain JSON."""
        record: dict[str, Any] = to_json(self)
        record["path"] = str(self.path)
        record["audio"]["file"] = str(self.audio.file) if self.audio.file else None
        return record


def read_cascade(path: Path) -> WantedCascade:
    """Raises BadInput that lists every problem."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as exc:
        raise BadInput(f"there is no cascade file {path}", hint=_EXAMPLE) from exc
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise BadInput(f"cannot read the cascade file {path}: {exc}", hint=_EXAMPLE) from exc
    reader = _Reader(path)
    found = reader.cascade(data)
    if reader.problems:
        listed = "\n".join(f"  {problem}" for problem in reader.problems)
        count = len(reader.problems)
        raise BadInput(
            f"the cascade file {path} has {count} problem{'' if count == 1 else 's'}:\n{listed}", hint=_EXAMPLE
        )
    assert found is not None
    return found


class _Reader:
    def __init__(self, path: Path) -> None:
        self._path = path
        self.problems: list[str] = []

    def cascade(self, data: dict[str, Any]) -> WantedCascade | None:
        top, gate = self._known(data, _TOP, "the file"), data.get("gate", {})
        gate = self._known(gate if isinstance(gate, dict) else {}, _GATE, "[gate]")
        listed = [each for each in top.get("stage", []) if isinstance(each, dict)]
        stages = [self._stage(each, number) for number, each in enumerate(listed, start=1)]
        self._require_order(stages)
        self._require_gate(gate)
        order = top.get("order", wire.AUDIO_FIRST)
        if order not in wire.ORDERS:
            self._say("the file", f"order must be {' or '.join(wire.ORDERS)}, got {order!r}")
        audio = self._audio(top.get("audio", {}))
        if self.problems:
            return None
        known = {name: float(value) for name, value in gate.items()}
        tokens = [each["reply_tokens"] for each in listed if "reply_tokens" in each]
        return WantedCascade(
            self._path,
            top.get("name", self._path.stem),
            tuple(stage for stage in stages if stage is not None),
            audio,
            order,
            reply_tokens=tokens[-1] if tokens else 16,
            **known,
        )

    def _say(self, where: str, problem: str) -> None:
        self.problems.append(f"{where}: {problem}")

    def _known(self, data: dict[str, Any], keys: dict[str, Any], where: str) -> dict[str, Any]:
        """Its keys that are known and of the right kind; the others are told."""
        good = {}
        for key, value in data.items():
            if key not in keys:
                self._say(where, f"unknown key {key!r}{_nearest(key, keys)}")
            elif not isinstance(value, keys[key]) or isinstance(value, bool):
                self._say(where, f"{key} must be {_kind(keys[key])}, got {value!r}")
            else:
                good[key] = value
        return good

    def _stage(self, data: dict[str, Any], number: int) -> WantedStage | None:
        where = f"stage {data.get('name', number)}"
        good = self._known(data, _STAGE, where)
        for key in ("name", "model", "when"):
            if key not in good and key not in data:
                self._say(where, f"lacks {key}")
        when = good.get("when")
        if when is not None and when not in WHENS:
            self._say(where, f"when must be one of {', '.join(WHENS)}, got {when!r}{_nearest(when, WHENS)}")
        for key in ("budget_ms", "chunk_ms", "threads", "reply_tokens"):
            if key in good and good[key] <= 0:
                self._say(where, f"{key} must be > 0, got {good[key]}")
        recipe, options = self._recipe(good, where), self._options(good, where)
        if not {"name", "model", "when"} <= set(good) or recipe is None:
            return None
        return WantedStage(
            good["name"],
            good["model"],
            good["when"],
            recipe,
            good.get("provider"),
            good.get("threads", 1),
            good.get("chunk_ms"),
            options,
            good.get("budget_ms"),
        )

    def _recipe(self, good: dict[str, Any], where: str) -> Recipe | None:
        try:
            return Recipe.parse(good.get("recipe", "onnx:fp32"))
        except BadRecipe as exc:
            self._say(where, f"{exc.message} ({exc.hint})")
            return None

    def _options(self, good: dict[str, Any], where: str) -> tuple[SessionOption, ...]:
        try:
            return tuple(SessionOption.parse(str(text)) for text in good.get("options", []))
        except BadInput as exc:
            self._say(where, f"{exc.message} ({exc.hint})")
            return ()

    def _require_order(self, stages: list[WantedStage | None]) -> None:
        if len(stages) not in (2, 3):
            self._say("the file", f"a cascade has two stages or three [[stage]], got {len(stages)}")
            return
        whens = [stage.when for stage in stages if stage is not None]
        if whens and whens[0] != ALWAYS:
            self._say(f"stage {_name(stages[0])}", f'the first stage hears everything: when = "{ALWAYS}"')
        for stage in stages[1:]:
            if stage is not None and stage.when == ALWAYS:
                self._say(
                    f"stage {stage.name}", f"only the first stage runs always, when must be {' or '.join(wire.WHENS)}"
                )
        names = [stage.name for stage in stages if stage is not None]
        if len(set(names)) < len(names):
            self._say("the file", f"stages need names of their own, got {', '.join(names)}")

    def _require_gate(self, gate: dict[str, Any]) -> None:
        for name in ("threshold", "release"):
            if name in gate and not 0 < gate[name] < 1:
                self._say("[gate]", f"{name} is a probability in 0..1, got {gate[name]}")
        if gate.get("release", 0.0) > gate.get("threshold", 1.0):
            self._say("[gate]", f"release must be <= threshold, got {gate['release']} and {gate['threshold']}")
        if gate.get("hangover_ms", 1) <= 0 or gate.get("pre_roll_ms", 0) < 0:
            self._say("[gate]", "hangover_ms must be > 0 and pre_roll_ms >= 0")

    def _audio(self, data: Any) -> WantedAudio:
        good = self._known(data if isinstance(data, dict) else {}, _AUDIO, "[audio]")
        if good.get("split", "test") not in _SPLITS:
            self._say("[audio]", f"split must be {' or '.join(_SPLITS)}, got {good['split']!r}")
        if "file" in good and "model" in good:
            self._say("[audio]", "file is your own audio, model that of an evaluation set: give one of them")
        if good.get("pause_ms", 0) < 0:
            self._say("[audio]", f"pause_ms must be >= 0, got {good['pause_ms']}")
        file = self._path.parent / good["file"] if "file" in good else None
        return WantedAudio(good.get("model"), good.get("split", "test"), float(good.get("pause_ms", 900.0)), file)


def _name(stage: WantedStage | None) -> str:
    return "1" if stage is None else stage.name


def _kind(kind: Any) -> str:
    names = {str: "text", int: "a whole number", _NUMBER: "a number", dict: "a table", list: "a list"}
    return names[kind]


def _nearest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f", did you mean {near[0]!r}?" if near else f"; known are {', '.join(known)}"
