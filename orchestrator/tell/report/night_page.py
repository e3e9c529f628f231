"""The page of a night: one file that needs nothing beside itself, made to be read in the morning."""

from orchestrator.domain.cause import causes
from orchestrator.domain.night import DeviceTold, NightTold, RerunTold
from orchestrator.domain.night_series import SeriesKey
from orchestrator.domain.regression import DISMISSED, LEVEL, Verdict
from orchestrator.tell.report.facts import Fact
from orchestrator.tell.report.numbers import duration, significant
from orchestrator.tell.report.page import own_file, templates
from orchestrator.tell.report.tables import Cell, Heading, Row, Table, number, text


def render_night(told: NightTold) -> str:
    return (
        templates()
        .get_template("night.html.j2")
        .render(
            told=told,
            record=told.record,
            facts=_facts(told),
            alerts=causes(told.alerts),
            verdicts=_verdicts(told),
            reruns=_reruns(told),
            devices=_devices(told),
            missing=_missing(told),
            style=own_file("style.css"),
        )
    )


def _facts(told: NightTold) -> list[Fact]:
    record = told.record
    facts = [
        Fact("Plan", record.plan),
        Fact("Began", _time(record.started_utc)),
        Fact("Expected to end", _time(record.expected_end_utc)),
        Fact("Ended", _time(record.finished_utc or ""), "late" if record.late else ""),
    ]
    if told.learning:
        facts.append(Fact("Too few nights yet", f"{told.learning} of {told.series} series"))
    if record.unjudged is not None:
        facts.append(Fact("Not judged", record.unjudged, absent=True))
    if record.quarantined:
        facts.append(Fact("In quarantine now", ", ".join(record.quarantined), "earshot devices doctor looks at them"))
    return [*facts, *(Fact("Note", note) for note in told.notes)]


def _time(utc: str) -> str:
    return f"{utc[:10]} {utc[11:16]} UTC" if utc else "-"


def _verdicts(told: NightTold) -> Table:
    """Alerts first, what was dismissed last."""
    ordered = sorted(told.verdicts, key=lambda verdict: (not verdict.alert, verdict.kind == DISMISSED, verdict.p_value))
    headings = (
        Heading("What"),
        Heading("Verdict"),
        Heading("Metric"),
        Heading("New / old", number=True),
        Heading("Since"),
        Heading("Known by"),
        Heading("What changed then"),
    )
    caption = "Figures of this night that are off what was usual for them. A suspicion alone pages nobody."
    return Table("night-verdicts", caption, headings, tuple(_verdict(each) for each in ordered))


def _verdict(verdict: Verdict) -> Row:
    metric = verdict.key.metric if verdict.aspect == LEVEL else f"{verdict.key.metric} ({verdict.aspect})"
    cells = (
        text(f"{verdict.key.model} {verdict.key.precision}", _where(verdict.key)),
        text(verdict.kind, title=verdict.said),
        text(metric),
        _effect(verdict),
        text(verdict.since),
        text(verdict.confirmed_by or "-"),
        text(", ".join(str(blame) for blame in verdict.blame) or "-"),
    )
    return Row(cells, "rejected" if verdict.alert else "")


def _where(key: SeriesKey) -> str:
    return " ".join(part for part in (key.device, key.runtime, key.provider, key.mode, key.variant) if part)


def _effect(verdict: Verdict) -> Cell:
    effect = verdict.effect
    if effect.value is None:
        return Cell("not estimable", title=effect.reason or "", kind="absent")
    bounds = [bound for bound in (effect.low, effect.high) if bound is not None]
    span = " to ".join(significant(bound) for bound in bounds) if len(bounds) == 2 else ""
    return number(significant(effect.value) if verdict.relative else f"{effect.value:+.4f}", span)


def _reruns(told: NightTold) -> Table:
    headings = (
        Heading("Configuration"),
        Heading("Old artifact"),
        Heading("New artifact"),
        Heading("Pairs", number=True),
        Heading("Left out"),
    )
    caption = "Re-runs of what was suspect: the old artifact and tonight's in turns on the same device."
    return Table("night-reruns", caption, headings, tuple(_rerun(each) for each in told.reruns))


def _rerun(rerun: RerunTold) -> Row:
    device, *configuration = rerun.configuration
    return Row(
        (
            text(" ".join(configuration), device),
            text(rerun.old_artifact[:12], title=rerun.old_artifact),
            text(rerun.new_artifact[:12], title=rerun.new_artifact),
            number(f"{rerun.pairs} of {rerun.wanted}"),
            text(rerun.reason or "-"),
        )
    )


def _devices(told: NightTold) -> Table:
    headings = (
        Heading("Device"),
        Heading("Sessions", number=True),
        Heading("Failed", number=True),
        Heading("Device time", number=True),
        Heading("Budget", number=True),
    )
    caption = "All devices worked at the same time. Device time holds evaluations and re-runs too."
    return Table("night-devices", caption, headings, tuple(_device(each) for each in told.devices))


def _device(device: DeviceTold) -> Row:
    return Row(
        (
            text(device.device),
            number(f"{device.finished} of {device.expected}"),
            number(str(device.failed)),
            number(duration(device.spent_s) if device.spent_s else "0 s"),
            number(duration(device.budget_s)),
        )
    )


def _missing(told: NightTold) -> Table:
    rows = tuple(Row((text(each.what), text(each.reason))) for each in told.record.missing)
    caption = "What the plan asks for and this night does not have."
    return Table("night-missing", caption, (Heading("What"), Heading("Why")), rows)
