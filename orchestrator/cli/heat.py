"""How the cold and the hot winner are shown."""

import click

from orchestrator.cli.output import number, print_table
from orchestrator.domain.heat import Course, Heat, Phase


def print_heat(found: Heat | str) -> None:
    if isinstance(found, str):
        click.echo(f"cold and hot: not known, {found}")
        return
    labels = {course.candidate.key: course.candidate.label for course in found.courses}
    print_table(
        ["sustained", "sessions>", "cold ms>", "hot ms>", "ratio>", "knee s>"], [_row(each) for each in found.courses]
    )
    for phase in (found.cold, found.hot):
        click.echo(f"{phase.name}: {_interval(phase, labels)}")
    click.echo(f"cold and hot: {found.sentence} (intervals over {found.basis})")


def _row(course: Course) -> list[str]:
    return [
        course.candidate.label,
        str(course.runs),
        number(course.cold_ms),
        number(course.hot_ms),
        "-" if course.ratio is None else number(course.ratio),
        "-" if course.knee_s is None else number(course.knee_s),
    ]


def _interval(phase: Phase, labels: dict[str, str]) -> str:
    ratio = phase.ratio
    if ratio.value is None or ratio.low is None or ratio.high is None:
        return f"not estimable: {ratio.reason}"
    slower = f"{labels[phase.next_best]} / {labels[phase.fastest]}"
    return f"{slower} = {ratio.value:.3f} [{ratio.low:.3f}..{ratio.high:.3f}]"
