"""``earshot dashboards``: made, checked, and pushed into a Grafana with what the ledger knows of changes."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import BadInput
from orchestrator.ledger.ledger import Ledger
from orchestrator.tell.grafana import files, mounted, push
from orchestrator.tell.grafana.against import ANSWER_TIMEOUT_S, MOST_ANSWER_BYTES, Answer, Prometheus, ask
from orchestrator.tell.grafana.annotations import Annotation, change_points, deploys
from orchestrator.tell.grafana.boards import BOARDS
from orchestrator.tell.grafana.client import Grafana
from orchestrator.tell.grafana.lint import lint
from orchestrator.tell.grafana.rules import rule_groups
from orchestrator.tell.telemetry.server import Server
from orchestrator.workflows.night_series import read_nights
from orchestrator.workflows.regressions import regressions


@dataclass(frozen=True)
class PushSettings:
    """``token``: the secret itself. ``prometheus_url``: as Grafana reaches it; None: no data source is made.

    ``results``: the folder of the ledger whose changes become annotations, ``reference`` the model that is never
    changed; None: no annotations. ``alerts``: also as rules that Grafana manages, of the data source ``source_uid``.
    """

    url: str
    token: str
    prometheus_url: str | None = None
    source_uid: str = push.SOURCE_UID
    results: Path | None = None
    reference: str | None = None
    alerts: bool = False
    overwrite: bool = False


def build(folder: Path) -> list[Path]:
    """Everything that a Grafana, a Prometheus and an Alertmanager mount. Raises BadInput for a folder that cannot be
    written.
    """
    try:
        return [*mounted.write(folder), *files.write(BOARDS, folder / mounted.BOARDS_FOLDER)]
    except OSError as exc:
        raise BadInput(f"{folder} cannot be written: {exc}", hint="name a folder of your own") from exc


def problems(folder: Path | None) -> list[str]:
    """Of the dashboards that the code makes; with ``folder``, also of the files there."""
    found = [str(problem) for problem in lint(board.as_json() for board in BOARDS)]
    if folder is not None:
        found += files.differing(BOARDS, folder / mounted.BOARDS_FOLDER)
    return found


def answers(prometheus_url: str, bearer: str | None, end_s: float) -> Iterator[Answer]:
    """Every query of every dashboard, up to ``end_s`` (since 1970). Raises BadInput, MonitoringError."""
    with Server(prometheus_url, bearer, ANSWER_TIMEOUT_S, MOST_ANSWER_BYTES) as server:
        for board in BOARDS:
            yield from ask(board.as_json(), Prometheus(server), end_s)


def push_all(settings: PushSettings) -> push.Pushed:
    """What it is to push is made before anything is. Raises BadInput, MonitoringError, LedgerError."""
    annotations = [] if settings.results is None else list(_changes(settings.results, settings.reference))
    groups = rule_groups(mounted.shipped(mounted.RULES_FILE), push.FOLDER_UID, settings.source_uid, settings.url)
    done = push.Pushed()
    with Grafana(settings.url, settings.token) as grafana:
        known = push.known_dashboards(grafana, [board.as_json() for board in BOARDS], overwrite=settings.overwrite)
        if settings.alerts and (settings.prometheus_url is None or settings.source_uid != push.SOURCE_UID):
            push.require_source(grafana, settings.source_uid)
        push.push_folder(grafana, done)
        if settings.prometheus_url is not None:
            push.push_source(grafana, settings.prometheus_url, done)
        push.push_dashboards(grafana, known, done)
        push.push_annotations(grafana, annotations, done)
        if settings.alerts:
            push.push_alerts(grafana, groups, done)
    return done


def _changes(results: Path, reference: str | None) -> Iterator[Annotation]:
    found = regressions(results, reference=reference)
    yield from change_points([*found.before, *found.told])
    with Ledger.open(results / "ledger.db", create=False) as ledger:
        yield from deploys(read_nights(ledger).series)
