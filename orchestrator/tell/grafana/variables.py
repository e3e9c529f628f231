"""Variables at the top of a dashboard: each is asked of Prometheus, and of those before it."""

from collections.abc import Sequence

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models.common import DataSourceRef
from grafana_foundation_sdk.models.dashboard import VariableRefresh, VariableSort

# The name that dashboard-linter asks for, so that one set of dashboards serves every Prometheus that Grafana has.
SOURCE = DataSourceRef(type_val="prometheus", uid="$datasource")

LABELS = {
    "job": "Job",
    "device_model": "Device model",
    "device": "Device",
    "model": "Model",
    "runtime": "Runtime",
    "ep": "Execution provider",
    "precision": "Precision",
    "mode": "Mode",
    "variant": "Variant",
    "metric": "Metric",
    "kind": "Kind",
    "plan": "Plan",
}


def source() -> build.DatasourceVariable:
    return build.DatasourceVariable("datasource").label("Data source").type("prometheus")


def job(metric: str) -> build.QueryVariable:
    return _asked("job", metric, "job").multi(True).include_all(True).all_value(".+").label(LABELS["job"])


def several(label: str, metric: str, after: Sequence[str] = ()) -> build.QueryVariable:
    """All values by default. ``after``: variables with several values that narrow it."""
    found = _asked(label, _narrowed(metric, after), label).multi(True).include_all(True).all_value(".*")
    return found.label(LABELS[label])


def one(
    label: str, metric: str, after: Sequence[str] = (), name: str | None = None, shown: str | None = None
) -> build.QueryVariable:
    """The first value by default. ``after`` as in ``queries.select``."""
    return _asked(name or label, _narrowed(metric, after), label).label(shown or LABELS[label])


def last(label: str, metric: str, after: Sequence[str], name: str, shown: str) -> build.QueryVariable:
    """As ``one``, with the last value by default: the other side of a comparison."""
    return one(label, metric, after, name, shown).sort(VariableSort.ALPHABETICAL_DESC)


def pages() -> build.TextBoxVariable:
    """Where reports of studies are served, STUDY.html each; only their owner knows."""
    return build.TextBoxVariable("pages").label("Reports at").default_value("http://127.0.0.1:8000")


def _asked(name: str, metric: str, label: str) -> build.QueryVariable:
    question = f"label_values({metric}, {label})"
    found = build.QueryVariable(name).datasource(SOURCE).query(question).definition(question)
    return found.refresh(VariableRefresh.ON_TIME_RANGE_CHANGED).sort(VariableSort.ALPHABETICAL_ASC)


def _narrowed(metric: str, after: Sequence[str]) -> str:
    matchers = ['job=~"$job"']
    for name in after:
        variable, _, label = name.lstrip("=").partition(":")
        operator = "=" if name.startswith("=") else "=~"
        matchers.append(f'{label or variable}{operator}"${variable}"')
    return f"{metric}{{{', '.join(matchers)}}}"
