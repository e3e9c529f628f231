"""Reading a dashboard as Grafana has it: panels, queries, variables. ``Model`` is its JSON."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Model = Mapping[str, Any]
VARIABLE = re.compile(r"\$\{(\w+)(?::\w+)?\}|\$(\w+)")
_SELECTOR = re.compile(r"\b([a-zA-Z_:][a-zA-Z0-9_:]*)\s*\{([^}]*)\}")
_MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')


@dataclass(frozen=True)
class Target:
    """One query of one panel. ``min_step``: the panel's least interval, ``back``: how far it looks back whatever the
    dashboard shows, both as Grafana writes them; None: none.
    """

    board: str
    panel: str
    ref: str
    expr: str
    instant: bool
    min_step: str | None
    back: str | None


@dataclass(frozen=True)
class Selector:
    """``matchers``: (label, operator, value)."""

    metric: str
    matchers: tuple[tuple[str, str, str], ...]


def panels_of(model: Model) -> Iterator[Model]:
    """All but rows."""
    for panel in model["panels"]:
        if panel["type"] == "row":
            yield from panel.get("panels", ())
        else:
            yield panel


def targets_of(model: Model) -> Iterator[Target]:
    for panel in panels_of(model):
        for each in panel.get("targets", ()):
            instant = bool(each.get("instant"))
            spans = (panel.get("interval"), panel.get("timeFrom"))
            yield Target(model["title"], panel["title"], each["refId"], each["expr"], instant, *spans)


def annotations_of(model: Model) -> Iterator[Target]:
    """What Prometheus is asked for to mark moments in all panels."""
    for each in model["annotations"].get("list", ()):
        if "expr" in each:
            yield Target(model["title"], f"marks: {each['name']}", "A", each["expr"], False, each.get("step"), None)


def variables_of(model: Model) -> list[Model]:
    return list(model["templating"]["list"])


def selectors_of(expr: str) -> list[Selector]:
    """What a query of ours selects: each selector has braces, and no value of a matcher has one."""
    return [Selector(name, tuple(_MATCHER.findall(inside))) for name, inside in _SELECTOR.findall(expr)]


def used_in(text: str) -> set[str]:
    """Names of the variables in a text, without those of Grafana itself (``__...``)."""
    return {name for pair in VARIABLE.findall(text) for name in pair if name and not name.startswith("__")}
