"""Options that everything which is submitted has."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import click

from orchestrator.cli.options import Duration
from orchestrator.domain.job import INTERACTIVE, NIGHTLY

F = TypeVar("F", bound=Callable[..., Any])
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


class Deadline(click.ParamType[float]):
    """A length of time from now, a time of day in UTC, or a date with a time; in seconds since 1970."""

    name = "deadline"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        text, now = str(value), datetime.now(UTC)
        if clock := _CLOCK.fullmatch(text):
            at = now.replace(hour=int(clock[1]), minute=int(clock[2]), second=0, microsecond=0)
            return (at if at > now else at + timedelta(days=1)).timestamp()
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            return now.timestamp() + self._from_now(text, param, ctx)
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        if at <= now:
            self.fail(f"{text} is over", param, ctx)
        return at.timestamp()

    def _from_now(self, text: str, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            return Duration().convert(text, param, ctx)
        except click.BadParameter:
            self.fail(f"{text!r} is no deadline: write it as 30m, 22:15 (UTC) or 2026-11-22T06:00", param, ctx)


deadline_option = click.option(
    "--deadline",
    "deadline_utc_s",
    type=Deadline(),
    metavar="WHEN",
    help="What has not begun by then never does: 30m from now, 22:15 (UTC), or 2026-11-22T06:00.",
)
user_option = click.option("--user", help="Whose share of the devices it takes; your login name by default.")
wait_option = click.option("--wait", is_flag=True, help="Wait until all of it has ended, and show what came of it.")


def priority_option(default: int) -> Callable[[F], F]:
    """Somebody waits for it, or nobody does."""

    def added(command: F) -> F:
        nightly = click.option(
            "--nightly", "priority", flag_value=NIGHTLY, type=int, default=default, help="When nothing else waits."
        )
        interactive = click.option(
            "--interactive", "priority", flag_value=INTERACTIVE, type=int, help="Before what is for the night."
        )
        return interactive(nightly(command))

    return added
