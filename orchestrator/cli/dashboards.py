"""``earshot dashboards``: build, check and push what Grafana shows."""

import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli.credential import Credential
from orchestrator.cli.options import json_option
from orchestrator.cli.output import print_json, print_table
from orchestrator.errors import BadInput

if TYPE_CHECKING:
    from orchestrator.tell.grafana.against import Answer

# The exit code where a dashboard is wrong or an answer is empty.
WRONG_CODE = 9


@click.group()
def dashboards() -> None:
    """Dashboards, rules and alerts for Grafana and Prometheus, as files or pushed."""


def _require_extra() -> None:
    missing = [name for name in ("grafana_foundation_sdk", "grafana_client", "yaml") if find_spec(name) is None]
    if missing:
        raise BadInput(f"dashboards need {', '.join(missing)}", hint="pip install 'earshot[grafana]' (40 MB)")


@dashboards.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@json_option
def build(folder: Path, as_json: bool) -> None:
    """Write what Grafana, Prometheus and Alertmanager mount into FOLDER.

    Dashboards, recording and alert rules with their tests, Alertmanager's route and message, provisioning files, and a
    docker-compose.yml that joins them. What is there under the same names is replaced.

    \b
    earshot dashboards build monitoring
    docker compose -f monitoring/docker-compose.yml up -d
    """
    _require_extra()
    from orchestrator.workflows.dashboards import build as build_all

    written = build_all(folder)
    if as_json:
        print_json([str(path) for path in written])
        return
    for path in written:
        click.echo(path)


@dashboards.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False), required=False)
@click.option("--prometheus", "prometheus_url", help="Put every query of every dashboard to this server.")
@click.option("--bearer-from", "bearer", type=Credential(), help="Its token, by reference: env:NAME or file:PATH.")
@json_option
def check(folder: Path | None, prometheus_url: str | None, bearer: str | None, as_json: bool) -> None:
    """Check the dashboards: the rules they keep, the files in FOLDER, the data behind them.

    Each panel has a title, a description, a unit and the data source of the dashboard's variable; each query has only
    metrics and labels that Earshot has. With --prometheus, variables are resolved as Grafana resolves them and every
    query is asked over the time that its dashboard opens with: an empty panel is shown, with its query. The exit code
    is 9 where something is wrong, else 0.

    \b
    earshot dashboards check
    earshot dashboards check monitoring
    earshot dashboards check --prometheus http://127.0.0.1:9090
    """
    _require_extra()
    from orchestrator.workflows.dashboards import answers, problems

    wrong = problems(folder)
    asked = [] if prometheus_url is None else list(answers(prometheus_url, bearer, time.time()))
    if as_json:
        print_json({"problems": wrong, "answers": [_row_json(answer) for answer in asked]})
    else:
        _show(wrong, asked, prometheus_url)
    if wrong or any(answer.problem for answer in asked):
        click.get_current_context().exit(WRONG_CODE)


def _show(wrong: list[str], asked: "list[Answer]", prometheus_url: str | None) -> None:
    for each in wrong:
        click.echo(each)
    empty = [answer for answer in asked if answer.problem]
    if empty:
        print_table(
            ["dashboard", "panel", "query", "why"],
            [[each.target.board, each.target.panel, each.target.ref, str(each.problem)] for each in empty],
        )
        click.echo(f"\nthe first of them asked: {empty[0].expr}")
    if prometheus_url is not None:
        silent = sum(not answer.series for answer in asked) - len(empty)
        none_told = f"; {silent} ask for verdicts, of which nights have told none" if silent else ""
        full = len(asked) - len(empty) - silent
        click.echo(f"{full} of {len(asked)} queries have data in {prometheus_url}{none_told}")
    if not wrong:
        click.echo("the dashboards keep all rules")


def _row_json(answer: "Answer") -> dict[str, Any]:
    target = answer.target
    place = {"dashboard": target.board, "panel": target.panel, "query": target.ref}
    return {**place, "expr": answer.expr, "series": answer.series, "problem": answer.problem}


@dashboards.command()
@click.option("--grafana", "url", required=True, help="Its address, such as http://127.0.0.1:3000.")
@click.option(
    "--token-from",
    "token",
    type=Credential(),
    required=True,
    help="Token of a service account, by reference: env:NAME or file:PATH.",
)
@click.option(
    "--prometheus", "prometheus_url", help="Make a data source of this server too, its address as Grafana reaches it."
)
@click.option(
    "--annotate",
    "results",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Results folder whose ledger tells change points and deploys: they become annotations.",
)
@click.option("--reference", help="With --annotate: the model that is never changed, as in `earshot regressions`.")
@click.option("--alerts", is_flag=True, help="Make the alert rules ones that Grafana evaluates and sends itself.")
@click.option("--source", "source_uid", help="Uid of the data source that these rules ask; that of --prometheus.")
@click.option("--overwrite", is_flag=True, help="Replace dashboards of others that have the same uid.")
@json_option
def push(
    url: str,
    token: str,
    prometheus_url: str | None,
    results: Path | None,
    reference: str | None,
    alerts: bool,
    source_uid: str | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Put the dashboards into a Grafana, in a folder Earshot.

    The same again changes nothing: what is there is compared first, and annotations are known by a tag. The token needs
    the role Editor; Admin for a data source. Where Prometheus evaluates rules/earshot.rules.yml and an Alertmanager
    sends, leave --alerts out, or people hear of everything twice.

    \b
    earshot dashboards push --grafana http://127.0.0.1:3000 --token-from env:GRAFANA_TOKEN
    earshot dashboards push --grafana https://grafana.example --token-from file:token \\
        --prometheus http://prometheus:9090 --annotate earshot-results --reference digits
    """
    _require_extra()
    from orchestrator.tell.grafana.push import SOURCE_UID
    from orchestrator.workflows.dashboards import PushSettings, push_all

    settings = PushSettings(url, token, prometheus_url, source_uid or SOURCE_UID, results, reference, alerts, overwrite)
    done = push_all(settings)
    if as_json:
        print_json({"made": done.made, "changed": done.changed, "unchanged": done.unchanged})
        return
    for word, names in (("made", done.made), ("changed", done.changed)):
        for name in names:
            click.echo(f"{word} {name}")
    click.echo(f"{len(done.made)} made, {len(done.changed)} changed, {len(done.unchanged)} as they were, in {url}")
