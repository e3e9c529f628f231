"""Promise 17: how near the best a search comes, in how much of the device time that all runs of all take."""

import numpy as np

from orchestrator.decide.replay.replay import Replay, simulate
from orchestrator.decide.replay.synthetic import Made, World, make_matrix
from orchestrator.decide.search.purse import share
from orchestrator.decide.search.question import Question
from tests.promises.figures.row import Row, at_least

QUESTION = Question("service_p50_ms", {"quality_loss": 0.01})
DRIFT = 0.05
NEAR = 0.02
# A third of the candidates is within 12 % of the best, one run in ten starts in a slow mode.
WORLDS = (World(24, near=1 / 3), World(200, near=1 / 3, slow_runs=0.1))


def one_run_each(made: Made, seed: int) -> str:
    """The naive way: each candidate once, one after the other; the lowest figure of those that may win does."""
    replay = Replay(made.matrix, DRIFT, seed)
    figures = {name: replay.run(name).figures.get(QUESTION.minimize, float("inf")) for name in made.matrix.rows}
    return min(made.truth, key=figures.__getitem__)


def results(world: World, seeds: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Regret and share of the exhaustive time of each race, and regret of the naive way."""
    regrets, times, naive = [], [], []
    for seed in range(seeds):
        made = make_matrix(world, seed)
        done = simulate(made.matrix, QUESTION, "racing", seed=seed, drift=DRIFT)
        regrets.append(made.regret(done.winner))
        times.append(done.device_minutes / done.exhaustive_device_minutes)
        naive.append(made.regret(one_run_each(made, seed)))
    return np.array(regrets), np.array(times), np.array(naive)


def rows(seeds: int = 60) -> list[Row]:
    found = []
    for world in WORLDS:
        regrets, times, naive = results(world, seeds if world.candidates < 100 else 2 * seeds // 5)
        most = 100 * share(world.candidates)
        found.append(
            Row(
                17,
                f"winners within 2 % of the best of {world.candidates}, in {most:.3g} % of the exhaustive time",
                at_least(90),
                100 * float(np.mean(regrets <= NEAR)),
                100 * float(np.mean(naive <= NEAR)),
                "one run each, the lowest of those that may win",
                earshot_note=f"{100 * float(times.max()):.3g} % of the time at most",
            )
        )
    return found
