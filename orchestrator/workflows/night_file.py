"""Reads the plan of a night strictly: every problem at once, each with its line and the nearest known name."""

import math
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from orchestrator.domain.recipe import Recipe
from orchestrator.errors import BadInput, EarshotError
from orchestrator.make.models.library import find_model
from orchestrator.measure.lab.device import Lab
from orchestrator.workflows.night_problems import LIST, NUMBER, TABLE, TEXT, YES, Keys, Problems, near
from orchestrator.workflows.night_settings import DEFAULT_ENVIRONMENT, MODES, WINNER, NightPlan, WantedModel

_TOP: Keys = {
    "name": TEXT,
    "devices": LIST,
    "mode": TEXT,
    "seconds": NUMBER,
    "runs": int,
    "budget_minutes": NUMBER,
    "wait_minutes": NUMBER,
    "retries": int,
    "retry_after_minutes": NUMBER,
    "end": TEXT,
    "reference": TEXT,
    "quality": YES,
    "models": LIST,
    "budgets": TABLE,
    "environments": TABLE,
    "prometheus": TABLE,
}
_MODEL: Keys = {
    "model": TEXT,
    "recipes": LIST,
    "threads": LIST,
    "providers": LIST,
    "devices": LIST,
    "repo": TEXT,
}
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_EXAMPLE = "earshot nightly --init PLAN writes one to start from; docs/how-to/nightly.md explains it"


def read_plan(path: Path, lab: Lab, tags: Mapping[str, frozenset[str]], models_dir: Path) -> NightPlan:
    """``tags`` of the lab's devices. Raises BadInput that lists every problem: the file's own, unknown models, devices
    and tags.
    """
    try:
        text = path.read_text(encoding="utf-8")
        data = tomllib.loads(text)
    except FileNotFoundError as exc:
        raise BadInput(f"there is no plan {path}", hint=_EXAMPLE) from exc
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise BadInput(f"cannot read the plan {path}: {exc}", hint=_EXAMPLE) from exc
    reader = _Reader(path, text, lab, tags, models_dir)
    plan = reader.plan(data)
    if plan is None:
        count = len(reader.problems)
        listed = "\n".join(f"  {problem}" for problem in reader.problems)
        raise BadInput(f"the plan {path} has {count} problem{'' if count == 1 else 's'}:\n{listed}", hint=_EXAMPLE)
    return plan


class _Reader:
    def __init__(self, path: Path, text: str, lab: Lab, tags: Mapping[str, frozenset[str]], models_dir: Path) -> None:
        self._path, self._lab, self._tags, self._models_dir = path, lab, tags, models_dir
        self._folder = path.resolve().parent
        self._problems = Problems(text)

    @property
    def problems(self) -> list[str]:
        return self._problems.told

    def plan(self, data: dict[str, Any]) -> NightPlan | None:
        """None where there are ``problems``."""
        top = self._problems.known(data, _TOP, "")
        name = top.get("name", self._path.stem.lower())
        if not _NAME.fullmatch(name):
            self._problems.say("", "name", f"name must match {_NAME.pattern}, got {name!r}")
        models = tuple(self._model(each, number) for number, each in enumerate(top.get("models", [])))
        if not models and "models" not in data:
            self._problems.say("", "models", "has no [[models]]: nothing would be measured")
        devices = self._devices("", top.get("devices", ["all"]))
        self._require_numbers(top)
        known = [str(each.get("model")) for each in top.get("models", []) if isinstance(each, dict)]
        if "reference" in top and top["reference"] not in known:
            other = near(top["reference"], known)
            self._problems.say("", "reference", f"reference {top['reference']!r} is none of its [[models]]{other}")
        if top.get("mode", MODES[0]) not in MODES:
            self._problems.say(
                "", "mode", f"mode must be {' or '.join(MODES)}, got {top['mode']!r}{near(top['mode'], MODES)}"
            )
        if "end" in top and not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", top["end"]):
            self._problems.say("", "end", f"end must be HH:MM (UTC), got {top['end']!r}")
        budgets, environments = self._budgets(top.get("budgets", {})), self._environments(top.get("environments", {}))
        url = self._url(top.get("prometheus", {}))
        if self.problems:
            return None
        return NightPlan(
            path=self._path,
            name=name,
            models=tuple(each for each in models if each is not None),
            devices=devices,
            budgets_s=budgets,
            environments=environments,
            prometheus_url=url,
            **self._settings(top),
        )

    def _settings(self, top: dict[str, Any]) -> dict[str, Any]:
        plain: dict[str, Any] = {
            key: top[key] for key in ("mode", "runs", "retries", "end", "reference", "quality") if key in top
        }
        in_seconds = {"budget_minutes": "budget_s", "wait_minutes": "wait_s", "retry_after_minutes": "retry_after_s"}
        times = {own: 60.0 * top[key] for key, own in in_seconds.items() if key in top}
        return {**plain, **times, **({"seconds": float(top["seconds"])} if "seconds" in top else {})}

    def _require_numbers(self, top: dict[str, Any]) -> None:
        for key in ("seconds", "budget_minutes"):
            if key in top and not (math.isfinite(top[key]) and top[key] > 0):
                self._problems.say("", key, f"{key} must be > 0, got {top[key]:g}")
        for key in ("wait_minutes", "retry_after_minutes", "retries"):
            if key in top and not (math.isfinite(top[key]) and top[key] >= 0):
                self._problems.say("", key, f"{key} must be >= 0, got {top[key]:g}")
        if "runs" in top and top["runs"] < 2:
            self._problems.say("", "runs", f"runs must be >= 2, or a night has no spread, got {top['runs']}")

    def _model(self, table: Any, number: int) -> WantedModel | None:
        section, before = f"models.{number}", len(self.problems)
        if not isinstance(table, dict):
            self._problems.say(section, "", f"[[models]] must be tables, got {table!r}")
            return None
        good = self._problems.known(table, _MODEL, section)
        model = good.get("model")
        if model is None:
            self._problems.say(section, "", "needs model = NAME")
        else:
            self._require_model(section, model)
        recipes = [self._recipe(section, text) for text in good.get("recipes", ["onnx:fp32"])]
        for count in good.get("threads", []):
            if not isinstance(count, int) or isinstance(count, bool) or count < 1:
                self._problems.say(section, "threads", f"threads must be whole numbers >= 1, got {count!r}")
        for name in good.get("providers", []):
            if not isinstance(name, str) or not name:
                self._problems.say(section, "providers", f"providers must be names, got {name!r}")
        for key in ("recipes", "threads", "providers", "devices"):
            if good.get(key) == []:
                self._problems.say(section, key, f"{key} must not be empty: leave it out for the default")
        devices = self._devices(section, good["devices"]) if good.get("devices") else None
        repo = self._repo(section, good["repo"]) if "repo" in good else None
        if len(self.problems) > before:
            return None
        assert model is not None
        return WantedModel(
            model=model,
            recipes=tuple(dict.fromkeys(recipes)),
            providers=tuple(dict.fromkeys(good.get("providers", [None]))),
            threads=tuple(dict.fromkeys(good.get("threads", [1]))),
            devices=devices,
            repo=repo,
        )

    def _require_model(self, section: str, name: str) -> None:
        try:
            find_model(name, self._models_dir)
        except EarshotError as exc:
            hint = f" ({exc.hint})" if exc.hint else ""
            self._problems.say(section, "model", f"{exc.message}{hint}")

    def _recipe(self, section: str, text: Any) -> Recipe | None:
        if text == WINNER:
            return None
        try:
            return Recipe.parse(text)
        except (EarshotError, AttributeError) as exc:
            hint = f" ({exc.hint})" if isinstance(exc, EarshotError) and exc.hint else ""
            said = exc.message if isinstance(exc, EarshotError) else f"recipes must be strings, got {text!r}"
            self._problems.say(section, "recipes", f"{said}{hint}; or {WINNER!r}")
            return None

    def _devices(self, section: str, terms: list[Any]) -> str:
        for term in terms:
            problem = self._unfit(term)
            if problem:
                self._problems.say(section, "devices", problem)
        return ",".join(str(term) for term in terms)

    def _unfit(self, term: Any) -> str | None:
        """What is wrong with one of the devices that are asked for."""
        if not isinstance(term, str) or not term or "," in term:
            return f"devices must be names, tag:TAG or all, got {term!r}"
        kind, _, tag = term.partition(":")
        if kind == "any":
            return f"{term!r}: a series of nights needs the same devices every night, so name them, or take tag:{tag}"
        if ":" not in term:
            return None if term in ("all", *self._lab.devices) else self._unknown(term)
        if kind != "tag":
            return f"devices must be names, tag:TAG or all, got {term!r}"
        known = sorted({each for tags in self._tags.values() for each in tags})
        return None if tag in known else f"no device has the tag {tag!r}{near(tag, known)}"

    def _unknown(self, name: str) -> str:
        where = f"in {self._lab.path}" if self._lab.path else "and no lab file was given"
        return f"there is no device {name!r} {where}{near(name, self._lab.devices)}"

    def _budgets(self, table: dict[str, Any]) -> dict[str, float]:
        for name, minutes in table.items():
            if name not in self._lab.devices:
                self._problems.say("budgets", name, self._unknown(name))
            if isinstance(minutes, bool) or not isinstance(minutes, NUMBER) or not 0 < minutes < math.inf:
                self._problems.say("budgets", name, f"the budget of {name} must be minutes > 0, got {minutes!r}")
        return {} if self.problems else {name: 60.0 * minutes for name, minutes in table.items()}

    def _environments(self, table: dict[str, Any]) -> dict[str, tuple[str, ...]]:
        for name, wanted in table.items():
            if name not in self._lab.devices:
                self._problems.say("environments", name, self._unknown(name))
                continue
            known = sorted({DEFAULT_ENVIRONMENT, *self._lab.devices[name].environments})
            for each in wanted if isinstance(wanted, list) else [wanted]:
                if each not in known:
                    self._problems.say(
                        "environments", name, f"{name} has no environment {each!r}; it has {', '.join(known)}"
                    )
            if wanted == []:
                self._problems.say("environments", name, f"the environments of {name} must not be empty")
        return {name: tuple(wanted) for name, wanted in table.items() if isinstance(wanted, list)}

    def _url(self, table: dict[str, Any]) -> str | None:
        known = self._problems.known(table, {"url": TEXT}, "prometheus")
        url = known.get("url")
        if url is not None and not re.match(r"https?://[^/\s]+", url):
            self._problems.say("prometheus", "url", f"url must be http:// or https://, got {url!r}")
        return url

    def _repo(self, section: str, text: str) -> Path:
        path = self._folder / Path(text).expanduser()
        if not path.is_dir():
            self._problems.say(section, "repo", f"there is no folder {path}")
        return path
