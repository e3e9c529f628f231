"""The answer: what would win on a device that was not measured, how sure that is, and what to measure next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from orchestrator.decide.prediction.cells import LEAST_DEVICES, Teaching
from orchestrator.decide.prediction.configuration import Configuration
from orchestrator.decide.prediction.device import DeviceFacts
from orchestrator.decide.prediction.features import FEATURES, Float, features_of
from orchestrator.decide.prediction.held_out import HeldOut, hold_out
from orchestrator.decide.prediction.posterior import Posterior
from orchestrator.decide.prediction.winner import pick
from orchestrator.errors import BadInput

# From here on the intervals cover what they say on simulated fleets (benchmarks/bench_recommend.py); with fewer
# devices they stand on the prior more than on measurements, and are too wide.
ENOUGH_DEVICES = 8
PREDICTED = "predicted"
_QUANTILES = (0.025, 0.1, 0.5, 0.9, 0.975)


@dataclass(frozen=True)
class Predicted:
    """A figure with the intervals that hold it in 80 and in 95 of 100 cases."""

    value: float
    low_80: float
    high_80: float
    low_95: float
    high_95: float


@dataclass(frozen=True)
class ConfigurationPredicted:
    """``best``: chance to be the fastest there. ``own_runs``: runs on this device model that the prediction knows."""

    configuration: str
    service_ms: Predicted
    best: float
    own_runs: int = 0


@dataclass(frozen=True)
class DevicePrediction:
    """``expected_regret``: how much slower the predicted winner is expected to be than the best there, as a share;
    ``regret_95``: it is not more in 95 of 100 cases. ``gain``: of the winner over plain fp32; None where that is not
    among what is predicted. ``untold``: what its profile does not tell. ``siblings``: measured with the same chip.
    """

    device: str
    title: str
    facts: str
    winner: str
    expected_regret: float
    regret_95: float
    gain: Predicted | None
    configurations: tuple[ConfigurationPredicted, ...]
    untold: tuple[str, ...] = ()
    siblings: tuple[str, ...] = ()
    cannot: Mapping[str, str] = field(default_factory=dict)
    basis: str = PREDICTED


@dataclass(frozen=True)
class MeasureNext:
    """A device, and what shipping its predicted winner without measuring is expected to cost there."""

    device: str
    title: str
    winner: str
    expected_regret: float
    regret_95: float


class Oracle:
    """Predicts for any device from what was measured on others. Raises BadInput where that is too little."""

    def __init__(self, taught: Teaching, seed: int = 0) -> None:
        measured = len(taught.devices)
        if measured < LEAST_DEVICES:
            raise BadInput(
                f"{measured} device model(s) of this kind measured, and {LEAST_DEVICES} are needed to tell how devices "
                "differ",
                hint=f"run earshot tune on {LEAST_DEVICES - measured} more, of other chips; "
                f"{ENOUGH_DEVICES} make intervals that stand on measurements",
            )
        if not taught.configurations:
            why = "; ".join(f"{name}: {reason}" for name, reason in list(taught.excluded.items())[:3])
            raise BadInput("no configuration may be shipped to a device that was not measured", hint=why or None)
        self.taught = taught
        self._posterior = Posterior(taught.cells, seed)

    def held_out(self) -> HeldOut:
        return hold_out(self._posterior, self.taught.configurations)

    def predict(self, device: DeviceFacts) -> DevicePrediction:
        """Raises BadInput where the device has no cores for any configuration."""
        there, cannot = self._fitting(device)
        if not there:
            raise BadInput(f"{device.title} runs nothing of what was measured: {next(iter(cannot.values()))}")
        drawn = self._posterior.predict([(device, configuration) for configuration in there])
        picked = pick(drawn)
        own = {c.configuration.name: c.runs for c in self.taught.cells if c.device.name == device.name}
        order = np.argsort(np.median(drawn, axis=0))
        return DevicePrediction(
            device=device.name,
            title=device.title,
            facts=str(device),
            winner=there[picked.index].name,
            expected_regret=picked.expected_regret,
            regret_95=picked.regret_95,
            gain=_gain(there, drawn, picked.index),
            configurations=tuple(
                ConfigurationPredicted(
                    there[i].name, _figure(np.exp(drawn[:, i])), picked.best[i], own.get(there[i].name, 0)
                )
                for i in order
            ),
            untold=_untold(device, there),
            siblings=tuple(d.title for d in self.taught.devices if d.soc == device.soc and d.name != device.name),
            cannot=cannot,
        )

    def measure_next(self, devices: Sequence[DeviceFacts]) -> tuple[MeasureNext, ...]:
        """Those of ``devices`` that were not measured, the largest expected regret first."""
        known = {device.name for device in self.taught.devices}
        found = [self.predict(device) for device in devices if device.name not in known and self._fitting(device)[0]]
        return tuple(
            MeasureNext(p.device, p.title, p.winner, p.expected_regret, p.regret_95)
            for p in sorted(found, key=lambda p: -p.expected_regret)
        )

    def _fitting(self, device: DeviceFacts) -> tuple[list[Configuration], dict[str, str]]:
        there, cannot = [], {}
        for configuration in self.taught.configurations:
            if features_of(configuration, device) is None:
                wanted = f"{configuration.threads} threads" + (
                    f" on its {configuration.cluster} cores" if configuration.cluster else ""
                )
                cannot[configuration.name] = f"the device has no room for {wanted}"
            else:
                there.append(configuration)
        return there, cannot


def _figure(values: Float) -> Predicted:
    low_95, low_80, value, high_80, high_95 = (float(q) for q in np.quantile(values, _QUANTILES))
    return Predicted(value, low_80, high_80, low_95, high_95)


def _gain(there: Sequence[Configuration], drawn: Float, winner: int) -> Predicted | None:
    plain = [i for i, configuration in enumerate(there) if configuration.plain]
    # The first runtime that has one, as in a study (domain/candidate.py).
    return _figure(np.exp(drawn[:, plain[0]] - drawn[:, winner])) if plain else None


def _untold(device: DeviceFacts, there: Sequence[Configuration]) -> tuple[str, ...]:
    rows = np.array([features_of(configuration, device) for configuration in there])
    return tuple(f.name for f, missing in zip(FEATURES, np.isnan(rows).any(axis=0), strict=True) if missing)
