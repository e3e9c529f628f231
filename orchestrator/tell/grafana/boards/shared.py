"""What several dashboards show: the variables of a configuration, tables of verdicts and of sessions, links."""

from collections.abc import Sequence
from typing import Any

from grafana_foundation_sdk.builders import dashboard as build

from orchestrator.tell.grafana import variables
from orchestrator.tell.grafana.panels import RED, YELLOW, Column, Link, Steps, rows
from orchestrator.tell.grafana.queries import of_a_day, select, with_blame
from orchestrator.tell.telemetry.names import CONFIGURATION

SESSIONS = "earshot_session_info"
# Half of the 10 % and 20 % from which on people hear of it is worth a colour.
WORSE: Steps = ((0.05, YELLOW), (0.1, RED))
MORE_THAN_NONE: Steps = ((1, RED),)

_SPAN = "${__url_time_range}"
TO_DEVICE = Link("The device and its sessions", f"/d/earshot-device?var-device=${{__field.labels.device}}&{_SPAN}")
TO_MODEL = Link("This model on all devices", f"/d/earshot-model?var-model=${{__field.labels.model}}&{_SPAN}")
_TO_REPORT = Link("Report that shows it", "${pages}/${__data.fields.study_id}.html")
TO_REGRESSIONS = Link("Verdicts of nights", f"/d/earshot-regressions?{_SPAN}")


def of_configuration(*, without: Sequence[str] = ()) -> list[build.QueryVariable]:
    """A variable with several values for each label of a configuration, each narrowed by those before it."""
    labels = [label for label in CONFIGURATION if label not in without]
    return [variables.several(label, SESSIONS, labels[:at]) for at, label in enumerate(labels)]


def verdicts(title: str, about: str, names: Sequence[str], days: int, height: int = 9) -> Any:
    """What nights said in the last ``days``, worst first."""
    return rows(
        title,
        about,
        "percentunit",
        [f"sort_desc({with_blame(_effect(names, days), select('earshot_regression_info'), days)})"],
        [
            Column("kind", "verdict"),
            Column("metric", "metric"),
            Column("device", "device", link=_row_link("device", "device")),
            Column("model", "model", link=_row_link("model", "model")),
            Column("precision", "precision"),
            Column("runtime", "runtime"),
            Column("Value", "change", "percentunit"),
            Column("since", "since"),
            Column("axis", "to blame"),
            Column("before", "before"),
            Column("after", "after"),
            Column("confirmed_by", "known by"),
        ],
        height=height,
    )


def _effect(names: Sequence[str], days: int) -> str:
    return f"(last_over_time({select('earshot_regression_effect_ratio', names)}[{days}d]) - 1)"


def sessions(names: Sequence[str]) -> Any:
    """The sessions of the last day, each with a link to the page that shows it: the report of its study."""
    return rows(
        "Sessions of the last night",
        "Each session that ended within a day; its id leads to the report that shows it, at the address above.",
        "none",
        [of_a_day(SESSIONS, names)],
        [
            Column(
                "session_id", "session", link=Link("Report that shows it", "${pages}/${__data.fields.study_id}.html")
            ),
            Column("device", "device"),
            Column("model", "model"),
            Column("precision", "precision"),
            Column("runtime", "runtime"),
            Column("ep", "provider"),
            Column("mode", "mode"),
            Column("variant", "variant"),
            Column("outcome", "outcome"),
            Column("verdict", "verdict"),
            Column("commit", "model commit"),
            Column("artifact", "artifact"),
        ],
        hidden=["study_id"],
    )


def _row_link(board: str, label: str) -> Link:
    return Link(f"Dashboard of this {label}", f"/d/earshot-{board}?var-{label}=${{__value.text}}&{_SPAN}")
