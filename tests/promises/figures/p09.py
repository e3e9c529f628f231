"""Promise 9: how often a night without a change raises an alert, and how soon one with a change does."""

from orchestrator.decide.regression.rehearse import rehearse
from orchestrator.decide.regression.synthetic import NONE, STEP, WORLDS, Change, World, make_nights
from orchestrator.decide.regression.tally import confirmed_alerts, false_per_100, found_within, plain_threshold
from orchestrator.decide.regression.tuning import DEFAULT
from tests.promises.figures.row import Row, at_least, at_most

STEP_SHARE, SOON = 0.05, 2


def quiet_nights(world: World, series: int) -> tuple[float, float]:
    """False alerts in 100 nights of a series in which nothing changes: with re-runs, and by the plain threshold."""
    made = make_nights(world, Change(NONE), 9, series)
    done = rehearse(made, 9)
    return (
        false_per_100(confirmed_alerts(done), done.series_nights),
        false_per_100(plain_threshold(made), done.series_nights),
    )


def found_soon(world: World, series: int) -> tuple[float, float]:
    """Share of steps of 5 % that are told on one of their first two nights."""
    made = make_nights(world, Change(STEP, STEP_SHARE), 10, series)
    alerts = confirmed_alerts(rehearse(made, 10))
    return found_within(alerts, made, SOON), found_within(plain_threshold(made), made, SOON)


def rows(series: int = 40) -> list[Row]:
    quiet = [quiet_nights(world, series) for world in WORLDS.values()]
    found = [found_soon(world, series) for world in WORLDS.values()]
    ours, naive = (sum(each[i] for each in quiet) / len(quiet) for i in (0, 1))
    soon, plain = (100 * sum(each[i] for each in found) / len(found) for i in (0, 1))
    return [
        Row(
            9,
            f"false alerts where nothing changes ({', '.join(WORLDS)}), each confirmed by a simulated re-run",
            at_most(0.1),
            ours,
            naive,
            "5 % above the median of the last seven nights",
            unit="in 100 nights",
            earshot_note=f"{DEFAULT.false_alarms_per_100:.2g} stated",
        ),
        Row(
            9,
            f"steps of {100 * STEP_SHARE:g} % that are told, and confirmed, within {SOON} nights",
            at_least(95),
            soon,
            plain,
            "5 % above the median of the last seven nights",
        ),
    ]
