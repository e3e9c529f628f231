"""Into a Grafana: folder, data source, dashboards, annotations, alert rules. The same again changes nothing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from orchestrator.errors import BadInput
from orchestrator.tell.grafana.annotations import Annotation, id_of
from orchestrator.tell.grafana.board import TAG
from orchestrator.tell.grafana.client import Grafana, Refused

FOLDER_UID, FOLDER_TITLE = "earshot", "Earshot"
SOURCE_UID, SOURCE_NAME = "earshot-prometheus", "Earshot Prometheus"
# Annotations that Grafana is asked for at once, by name of their tag; its default is 100.
_MOST_ANNOTATIONS = 100_000
_MESSAGE = "earshot dashboards push"
_SOURCE: Mapping[str, Any] = {
    "uid": SOURCE_UID,
    "name": SOURCE_NAME,
    "type": "prometheus",
    "access": "proxy",
    "jsonData": {"httpMethod": "POST", "prometheusType": "Prometheus", "timeInterval": "15s", "manageAlerts": True},
}


@dataclass
class Pushed:
    """What was done, by name. ``unchanged``: what was there already as it is."""

    made: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)


def push_folder(grafana: Grafana, done: Pushed) -> None:
    """Raises MonitoringError where it cannot be made."""
    if grafana.find(grafana.api.folder.get_folder, FOLDER_UID) is not None:
        done.unchanged.append(f"folder {FOLDER_TITLE}")
        return
    grafana.ask(grafana.api.folder.create_folder, FOLDER_TITLE, FOLDER_UID)
    done.made.append(f"folder {FOLDER_TITLE}")


def push_source(grafana: Grafana, prometheus_url: str, done: Pushed) -> None:
    """``prometheus_url`` as Grafana reaches it. Raises BadInput where another data source has its name."""
    wanted = {**_SOURCE, "url": prometheus_url}
    known = grafana.find(grafana.api.datasource.get_datasource_by_uid, SOURCE_UID)
    if known is None:
        try:
            grafana.ask(grafana.api.datasource.create_datasource, wanted)
        except Refused as exc:
            if exc.status != 409:
                raise
            raise BadInput(
                f"another data source in {grafana.url} has the name {SOURCE_NAME!r}",
                hint="rename it there, or leave --prometheus out and choose yours in the dashboards",
            ) from exc
        done.made.append(f"data source {SOURCE_NAME}")
    elif _covers(known, wanted):
        done.unchanged.append(f"data source {SOURCE_NAME}")
    else:
        grafana.ask(grafana.api.datasource.update_datasource_by_uid, SOURCE_UID, wanted)
        done.changed.append(f"data source {SOURCE_NAME}")


def require_source(grafana: Grafana, uid: str) -> None:
    """Raises BadInput where the data source that alert rules would ask is not there."""
    if grafana.find(grafana.api.datasource.get_datasource_by_uid, uid) is None:
        raise BadInput(
            f"{grafana.url} has no data source {uid!r} for the alert rules to ask",
            hint="name yours with --source, or have one made with --prometheus",
        )


def known_dashboards(
    grafana: Grafana, models: Sequence[Mapping[str, Any]], *, overwrite: bool
) -> list[tuple[Mapping[str, Any], Any]]:
    """Each with what Grafana has in its place, or None. Raises BadInput that names all of those that are another's."""
    known = [(model, grafana.find(grafana.api.dashboard.get_dashboard, model["uid"])) for model in models]
    taken = [_taken(model["uid"], found) for model, found in known if found and not _ours(found)]
    if taken and not overwrite:
        raise BadInput(
            f"{grafana.url} has other dashboards there: {'; '.join(taken)}",
            hint="give those another uid, or replace them with --overwrite",
        )
    return known


def push_dashboards(grafana: Grafana, known: Sequence[tuple[Mapping[str, Any], Any]], done: Pushed) -> None:
    """``known`` as ``known_dashboards`` has them. The folder must be there."""
    for model, found in known:
        name = f"dashboard {model['title']}"
        if found and _ours(found) and _covers(found["dashboard"], {**model, "id": found["dashboard"].get("id")}):
            done.unchanged.append(name)
            continue
        body = {"dashboard": dict(model), "folderUid": FOLDER_UID, "overwrite": True, "message": _MESSAGE}
        grafana.ask(grafana.api.dashboard.update_dashboard, body)
        (done.changed if found else done.made).append(name)


def push_annotations(grafana: Grafana, wanted: Iterable[Annotation], done: Pushed) -> None:
    """Those that Grafana has are known by their tags; one whose text or span became another is written anew."""
    found = grafana.ask(grafana.api.annotations.find_annotations, tags=[TAG], limit=_MOST_ANNOTATIONS)
    known = {tag: each for each in found if (tag := id_of(each.get("tags", ())))}
    for each in wanted:
        tags = each.all_tags
        there = known.get(str(id_of(tags)))
        name = f"{each.what} {each.text}"
        if there is None:
            span = {"time_from": each.time_ms, "time_to": each.end_ms}
            grafana.ask(grafana.api.annotations.add_annotation, **span, tags=tags, text=each.text)
            done.made.append(name)
        elif _as_pushed(there) == (each.time_ms, each.end_ms, each.text):
            done.unchanged.append(name)
        else:
            update = grafana.api.annotations.update_annotation
            grafana.ask(update, there["id"], each.time_ms, each.end_ms, tags, each.text)
            done.changed.append(name)


def _as_pushed(there: Mapping[str, Any]) -> tuple[int, int, str]:
    return there["time"], there.get("timeEnd") or there["time"], there["text"]


def push_alerts(grafana: Grafana, groups: Sequence[Mapping[str, Any]], done: Pushed) -> None:
    """Each group as a whole: a rule that it no longer has goes. Raises MonitoringError."""
    for group in groups:
        title = group["title"]
        known = grafana.find(grafana.api.alertingprovisioning.get_rule_group, FOLDER_UID, title)
        name = f"alert rules {title} ({len(group['rules'])})"
        if known and _covers(known, group):
            done.unchanged.append(name)
            continue
        grafana.ask(grafana.api.alertingprovisioning.update_rule_group, FOLDER_UID, title, dict(group))
        (done.changed if known else done.made).append(name)


def _ours(found: Mapping[str, Any]) -> bool:
    return found["meta"].get("folderUid") == FOLDER_UID and TAG in found["dashboard"].get("tags", ())


def _taken(uid: str, found: Mapping[str, Any]) -> str:
    folder = found["meta"].get("folderTitle") or found["meta"].get("folderUid") or "General"
    return f"{uid} is {found['dashboard'].get('title')!r} in the folder {folder!r}"


def _covers(known: Any, wanted: Any) -> bool:
    """Whether what Grafana has says all that is wanted; it adds fields of its own."""
    if isinstance(wanted, Mapping):
        return isinstance(known, Mapping) and all(_covers(known.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, list):
        return isinstance(known, list) and len(known) == len(wanted) and all(map(_covers, known, wanted))
    return bool(known == wanted)
