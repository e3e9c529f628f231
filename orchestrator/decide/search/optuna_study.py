"""Optuna behind ask and tell: TPE over the candidates, NSGA-II over what they are made of. Needs the extra ``search``.

Every step is in the journal as soon as it is made, so that an interrupted study goes on with all of its trials.
"""

import hashlib
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.trial import FrozenTrial, Trial, TrialState

from orchestrator.decide.search.base import Journal
from orchestrator.decide.search.plain import Plain
from orchestrator.decide.search.purse import Purse
from orchestrator.decide.search.question import KNOWN_BEFORE, Run
from orchestrator.decide.search.standing import Standings

_RUN = "run"
# Combinations of traits that no candidate has cost no device time; after so many a candidate is drawn.
_TRIES = 100
# Generations of few: a device has minutes, not hours.
_POPULATION = 12


class _Optuna(Plain):
    remembers = True

    def __init__(
        self, standings: Standings, seed: int, first: Sequence[str] = (), journal: Journal | None = None
    ) -> None:
        super().__init__(standings, seed)
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._names = tuple(standings.open)
        storage = None
        if journal is not None:
            storage = optuna.storages.JournalStorage(cast(Any, journal))
        self._study = optuna.create_study(
            # Optuna's choices of a parameter never change: with other candidates it is another study.
            study_name=hashlib.sha256(repr(self._names).encode()).hexdigest()[:16],
            storage=storage,
            sampler=self._sampler(seed),
            directions=["minimize"] * len(self._metrics),
            load_if_exists=True,
        )
        self._asked: dict[str, list[Trial]] = {}
        self._give_up_running()
        done = {self._name(t.params) for t in self._trials()}
        for name in first:
            if name in standings.open and name not in done:
                self._study.enqueue_trial(self._params(name))

    def ask(self, purse: Purse) -> list[str]:
        names = self.standings.open
        if not names:
            return []
        for _ in range(_TRIES):
            trial = self._study.ask(self._space)
            name = self._name(trial.params)
            if name in names:
                self._asked.setdefault(name, []).append(trial)
                return [name]
            self._study.tell(trial, state=TrialState.FAIL)
        name = names[self._rng.integers(len(names))]
        self._study.enqueue_trial(self._params(name))
        self._asked.setdefault(name, []).append(self._study.ask(self._space))
        return [name]

    def tell(self, run: Run) -> None:
        """One that the journal has already is not told twice; one that nobody asked for is a trial of its own."""
        super().tell(run)
        values = self._values(run)
        waiting = self._asked.get(run.candidate)
        if waiting:
            trial = waiting.pop()
            trial.set_user_attr(_RUN, run.run_id)
            state = TrialState.COMPLETE if values else TrialState.FAIL
            self._study.tell(trial, values, state=state)
        elif values and not (run.run_id and run.run_id in self._known_runs()):
            self._study.add_trial(
                optuna.trial.create_trial(
                    params=self._params(run.candidate),
                    distributions=self._space,
                    values=values,
                    user_attrs={_RUN: run.run_id},
                )
            )

    @property
    def trials(self) -> int:
        """How many have ended well."""
        return len(self._trials())

    def _values(self, run: Run) -> list[float] | None:
        """None where a metric is missing or the run does not count."""
        if run.outcome != "ok" or run.candidate not in self.standings.open:
            return None
        known = self.standings.entrants[run.candidate].known
        told = {**run.figures, **{name: value for name, value in known.items() if name in KNOWN_BEFORE}}
        values = [told[metric] for metric in self._metrics if metric in told]
        return values if len(values) == len(self._metrics) else None

    def _trials(self) -> list[FrozenTrial]:
        return self._study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))

    def _known_runs(self) -> set[object]:
        return {trial.user_attrs.get(_RUN) for trial in self._study.get_trials(deepcopy=False)}

    def _give_up_running(self) -> None:
        """Trials of a process that is gone; their sessions are told again, or were never run."""
        for trial in self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            self._study.tell(trial.number, state=TrialState.FAIL)

    # What TPE and NSGA-II see of a candidate.

    @property
    def _metrics(self) -> tuple[str, ...]:
        return (self.standings.question.minimize,)

    @property
    def _space(self) -> dict[str, BaseDistribution]:
        return {"candidate": CategoricalDistribution(self._names)}

    def _sampler(self, seed: int) -> optuna.samplers.BaseSampler:
        raise NotImplementedError

    def _params(self, name: str) -> dict[str, str]:
        return {"candidate": name}

    def _name(self, params: Mapping[str, object]) -> str | None:
        return str(params["candidate"])


class Tpe(_Optuna):
    """TPE over the candidate as one categorical parameter: it may take any of them again."""

    def _sampler(self, seed: int) -> optuna.samplers.BaseSampler:
        return optuna.samplers.TPESampler(seed=seed)


class Nsga2(_Optuna):
    """NSGA-II for several objectives: runtime, provider, recipe and so on are its genes, the question's metrics its
    objectives. Without traits the candidate is its only gene.
    """

    @property
    def front(self) -> list[str]:
        """Candidates that no other one is better than in everything, as far as single runs tell."""
        names = (self._name(trial.params) for trial in self._study.best_trials)
        return [name for name in dict.fromkeys(names) if name is not None]

    @property
    def _metrics(self) -> tuple[str, ...]:
        question = self.standings.question
        return tuple(dict.fromkeys((question.minimize, *question.also)))

    @property
    def _space(self) -> dict[str, BaseDistribution]:
        traits = [self._params(name) for name in self._names]
        return {gene: CategoricalDistribution(_different(one[gene] for one in traits)) for gene in traits[0]}

    def _sampler(self, seed: int) -> optuna.samplers.BaseSampler:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            return optuna.samplers.NSGAIISampler(seed=seed, population_size=_POPULATION)

    def _params(self, name: str) -> dict[str, str]:
        return dict(self.standings.entrants[name].traits) or {"candidate": name}

    def _name(self, params: Mapping[str, object]) -> str | None:
        return next((name for name in self._names if self._params(name) == dict(params)), None)


def _different(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))
