"""When a night is, and when it is over: from noon to noon UTC, with the date on which it began."""

from datetime import UTC, datetime, timedelta
from threading import Event

from orchestrator.workflows.night_series import night_of


def tonight(now: datetime) -> str:
    return night_of(now.astimezone(UTC).isoformat())


def noon_after(at: str) -> datetime:
    """What is measured from then on is another night's."""
    return datetime.fromisoformat(f"{at}T12:00:00+00:00") + timedelta(days=1)


def planned_end(at: str, end: str | None) -> datetime:
    """``end``: HH:MM UTC; None is noon."""
    if end is None:
        return noon_after(at)
    hour, minute = (int(part) for part in end.split(":"))
    day = datetime.fromisoformat(f"{at}T00:00:00+00:00")
    return day + timedelta(days=0 if hour >= 12 else 1, hours=hour, minutes=minute)


class NightClock:
    """``over`` once noon is nearer than what is to be measured next, or somebody ended the night."""

    def __init__(self, at: str) -> None:
        self.at = at
        self.noon = noon_after(at)
        self.ended = Event()

    def over(self, needed_s: float = 0.0) -> bool:
        return self.ended.is_set() or datetime.now(UTC) + timedelta(seconds=needed_s) >= self.noon
