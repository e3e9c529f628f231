"""The month, night by night: measured, judged, re-run where suspect, told to the outbox."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from orchestrator.domain.artifact import Artifact
from orchestrator.domain.night import Missing, NightRecord
from orchestrator.domain.regression import DEVICE_DRIFT, DISMISSED, ConfirmationRequest, Verdict
from orchestrator.domain.session import IDLE
from orchestrator.domain.study import Study
from orchestrator.ledger import health, outbox
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.nights import record_night
from orchestrator.workflows.night_series import CONFIRM
from orchestrator.workflows.night_shift import NIGHTLY
from orchestrator.workflows.regressions import Regressions, regressions
from orchestrator.workflows.telemetry_nights import verdicts_told
from tests.month.devices import DeviceOfNight, artifact_of, candidate_of
from tests.month.script import (
    CLEANED_AT,
    COMMITS,
    DUSTY,
    MEDIAN_MS,
    PLAN,
    REFERENCE,
    SIZE_BYTES,
    UNITS,
    UNPLUGGED,
    UNPLUGGED_AT,
    commit_of,
)
from tests.simulator.session import many_sessions

BLOCKS = 4
_BEGINS = time(22, 0)


@dataclass(frozen=True)
class ToldNight:
    """``verdicts`` without those that the re-runs dismissed. ``reruns``: how many were made."""

    number: int
    at: str
    verdicts: tuple[Verdict, ...]
    reruns: int
    quarantined: tuple[str, ...]

    @property
    def alerts(self) -> tuple[Verdict, ...]:
        return tuple(verdict for verdict in self.verdicts if verdict.alert)


def month(results: Path, nights: int, last: date) -> Iterator[ToldNight]:
    """The first so many nights of the script, the last of which began on ``last``. Fills the ledger in ``results``."""
    results.mkdir(parents=True, exist_ok=True)
    with Ledger.open(results / "ledger.db") as ledger:
        for number in range(nights):
            night = _Night(ledger, results, number, last - timedelta(days=nights - 1 - number))
            with many_sessions():
                night.measure()
            yield night.told()


class _Night:
    def __init__(self, ledger: Ledger, results: Path, number: int, at: date) -> None:
        self._ledger, self._results, self._number = ledger, results, number
        self.at = at.isoformat()
        self._begins = datetime.combine(at, _BEGINS, UTC)
        self._commit = commit_of(number)
        if number == CLEANED_AT:
            health.release_quarantine(ledger, DUSTY, "its fan was cleaned")
        away = health.health(ledger)
        self._absent = {name: f"in quarantine: {h.reason}" for name, h in away.items() if h.quarantined}
        if number == UNPLUGGED_AT:
            self._absent[UNPLUGGED] = "no device answers at this serial number"
        self._devices = {u.name: DeviceOfNight(u, number, self._begins) for u in UNITS if u.name not in self._absent}
        self._sessions = 0

    def measure(self) -> None:
        for device in self._devices.values():
            self._measure(device)

    def told(self) -> ToldNight:
        judged = self._judge()
        reruns = 0
        # A second look where the first left it open.
        for look in (1, 2):
            asked = [request for request in judged.asked if request.configuration[0] in self._devices]
            if not asked:
                break
            with many_sessions():
                for request in asked:
                    self._rerun(request, look)
            reruns += len(asked)
            judged = self._judge()
        quarantined = tuple(self._isolated(judged.told))
        verdicts = tuple(verdict for verdict in judged.told if verdict.kind != DISMISSED)
        self._close(verdicts, quarantined)
        return ToldNight(self._number, self.at, verdicts, reruns, quarantined)

    def _measure(self, device: DeviceOfNight) -> None:
        for model in dict.fromkeys(model for model, _ in MEDIAN_MS):
            study = self._study(device, model, NIGHTLY)
            made = [self._artifact(model, recipe, self._commit) for known, recipe in MEDIAN_MS if known == model]
            candidates = [candidate_of(artifact) for artifact in made]
            self._record(device.session(study, candidates[0], self._commit, 0, IDLE))
            for block in range(BLOCKS):
                for candidate in candidates if block % 2 == 0 else reversed(candidates):
                    self._record(device.session(study, candidate, self._commit, block))
            for candidate in candidates:
                session, score = device.evaluation(study, candidate)
                self._record(session)
                self._ledger.record_score(score)
            self._ledger.finish_study(study.study_id, "finished")

    def _rerun(self, asked: ConfirmationRequest, look: int) -> None:
        """Old and new in turns, on the device as it is tonight."""
        device, model, mode = self._devices[asked.configuration[0]], asked.configuration[1], asked.configuration[5]
        study = self._study(
            device, model, CONFIRM, old=asked.old.artifact, new=asked.new.artifact, mode=mode, look=look
        )
        sides = [(self._known(night.artifact), str(night.axes.model_commit)) for night in (asked.old, asked.new)]
        for block in range((look - 1) * asked.pairs, look * asked.pairs):
            for artifact, commit in sides if block % 2 == 0 else reversed(sides):
                self._record(device.session(study, candidate_of(artifact), commit, block, mode))
        self._ledger.finish_study(study.study_id, "finished")

    def _study(self, device: DeviceOfNight, model: str, workflow: str, **more: object) -> Study:
        commit = COMMITS[0] if model == REFERENCE else self._commit
        settings = {"workflow": workflow, "plan": PLAN, "night": self.at, "device": device.unit.name, "model": model}
        settings |= {"model_commit": {"commit": commit}, **more}
        name = f"{self.at.replace('-', '')}-{workflow}-{model}-{device.unit.name}"
        study = Study(name, model, device.unit.name, self._begins.isoformat(timespec="seconds"), settings)
        # A night has several re-runs of a model on a device: one for each recipe, and a second look.
        study = replace(study, study_id=f"{name}-{study.settings_sha256[:6]}")
        self._ledger.begin_study(study)
        return study

    def _artifact(self, model: str, recipe: str, commit: str) -> Artifact:
        made = artifact_of(model, recipe, COMMITS[0] if model == REFERENCE else commit, SIZE_BYTES[model, recipe])
        artifact = replace(made, path=self._results / "artifacts" / made.path.name)
        self._ledger.record_artifact(artifact)
        return artifact

    def _known(self, sha256: str) -> Artifact:
        found = self._ledger.artifact(sha256)
        assert found is not None
        return found

    def _record(self, session: object) -> None:
        self._ledger.record_session(session)  # type: ignore[arg-type]
        self._sessions += 1

    def _judge(self) -> Regressions:
        return regressions(self._results, reference=REFERENCE, night=self.at)

    def _isolated(self, told: Sequence[Verdict]) -> Iterator[str]:
        for name in sorted({v.key.device for v in told if v.kind == DEVICE_DRIFT and v.key.model == REFERENCE}):
            said = next(v.said for v in told if v.kind == DEVICE_DRIFT and v.key.device == name)
            health.quarantine(self._ledger, name, said)
            yield name

    def _close(self, verdicts: Sequence[Verdict], quarantined: tuple[str, ...]) -> None:
        ended = self._begins + timedelta(hours=5)
        kinds = [verdict.kind for verdict in verdicts]
        record_night(
            self._ledger,
            NightRecord(
                PLAN,
                self.at,
                self._begins.isoformat(timespec="seconds"),
                (ended + timedelta(minutes=20)).isoformat(timespec="seconds"),
                self._sessions + 40 * len(self._absent),
                ended.isoformat(timespec="seconds"),
                self._sessions,
                missing=tuple(Missing(name, reason) for name, reason in self._absent.items()),
                verdicts={kind: kinds.count(kind) for kind in sorted(set(kinds))},
                quarantined=quarantined,
            ),
        )
        models = {unit.name: unit.model for unit in UNITS}
        told = verdicts_told(verdicts, models, round(ended.timestamp() * 1000))
        outbox.add(self._ledger, [each.entry() for each in told])
