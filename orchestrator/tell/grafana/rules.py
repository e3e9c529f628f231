"""The alert rules as Grafana manages them itself, made of those that Prometheus has.

For those whose alerts go through Grafana: Prometheus still evaluates the recording rules of the same file. Grafana has
``$values`` where Prometheus has ``$value``, and knows its own address.
"""

import json
from typing import Any

import yaml
from grafana_foundation_sdk.builders import alerting, expr, prometheus
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.alerting import RelativeTimeRange
from grafana_foundation_sdk.models.common import DataSourceRef

_EVERY_S = 60
# What an instant query looks back for is in its own windows; this is only the span that Grafana shows.
_SHOWN_S = 600
_EXPRESSION = DataSourceRef(type_val="__expr__", uid="__expr__")
# Whatever a query of Prometheus's finds is an alert, also where its value is 0.
_FOUND = "is_number($A)"


def rule_groups(text: str, folder_uid: str, source_uid: str, grafana_url: str) -> list[dict[str, Any]]:
    """One for each group with alerts of a file of Prometheus's rules, as PUT .../rule-groups takes it
    (grafana.com/docs, Alerting provisioning HTTP API).
    """
    groups = yaml.safe_load(text)["groups"]
    made = [_group(group, folder_uid, source_uid, grafana_url.rstrip("/")) for group in groups]
    return [group for group in made if group["rules"]]


def _group(group: dict[str, Any], folder_uid: str, source_uid: str, url: str) -> dict[str, Any]:
    built = alerting.RuleGroup(group["name"]).folder_uid(folder_uid).interval(_EVERY_S)
    for rule in group["rules"]:
        if "alert" in rule:
            built = built.with_rule(_rule(rule, group["name"], folder_uid, source_uid, url))
    made: dict[str, Any] = json.loads(JSONEncoder(sort_keys=True).encode(built.build()))
    return {"rules": [], **made}


def _rule(rule: dict[str, Any], group: str, folder_uid: str, source_uid: str, url: str) -> alerting.Rule:
    made = alerting.Rule(rule["alert"]).uid(rule["alert"]).folder_uid(folder_uid).rule_group(group).org_id(1)
    made = made.with_query(_asked(rule["expr"], source_uid)).with_query(_condition()).condition("B")
    # Nothing found is nothing wrong; a query that fails is.
    made = made.no_data_state("OK").exec_err_state("Error").for_val(rule.get("for", "0s"))
    texts = {name: _in_grafanas_words(text, url) for name, text in rule["annotations"].items()}
    return made.labels(rule["labels"]).annotations(texts)


def _asked(expression: str, source_uid: str) -> alerting.Query:
    source = DataSourceRef(type_val="prometheus", uid=source_uid)
    query = prometheus.Dataquery().expr(expression).instant().ref_id("A").datasource(source)
    span = RelativeTimeRange(from_val=_SHOWN_S, to=0)
    return alerting.Query("A").datasource_uid(source_uid).relative_time_range(span).model(query)


def _condition() -> alerting.Query:
    math = expr.TypeMath().expression(_FOUND).ref_id("B").datasource(_EXPRESSION)
    span = RelativeTimeRange(from_val=0, to=0)
    return alerting.Query("B").datasource_uid("__expr__").relative_time_range(span).model(math)


def _in_grafanas_words(text: str, url: str) -> str:
    return text.replace("{{ $externalLabels.grafana_url }}", url).replace("$value ", "$values.A.Value ")
