"""``earshot nightly``: models x devices x candidates measured in one night, judged, re-run where suspect, and told."""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from orchestrator.decide.regression.tuning import DEFAULT, Tuning
from orchestrator.domain.night import DeviceTold, NightRecord, NightTold, RerunTold
from orchestrator.domain.regression import DEVICE_DRIFT, ConfirmationRequest, Verdict
from orchestrator.errors import EarshotError
from orchestrator.ledger.health import quarantine
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.nights import counted, nights, record_night, spent_s
from orchestrator.measure.lab.device import LOCAL
from orchestrator.measure.lab.inventory import load_lab
from orchestrator.tell.report.night_page import render_night
from orchestrator.tell.report.page import write_page
from orchestrator.workflows.night_clock import NightClock, planned_end
from orchestrator.workflows.night_crew import Work, on_all
from orchestrator.workflows.night_material import Ready, make_ready
from orchestrator.workflows.night_rerun import DeviceReruns
from orchestrator.workflows.night_settings import NightSettings
from orchestrator.workflows.night_shift import DeviceShift
from orchestrator.workflows.night_tonight import Tonight, tonights_plan
from orchestrator.workflows.night_wanted import require_something
from orchestrator.workflows.progress import FleetProgress
from orchestrator.workflows.regressions import Regressions
from orchestrator.workflows.regressions import regressions as judge
from orchestrator.workflows.settings import require_results

_LOOKS = (1, 2)
PAGE = "night.html"


def nightly(settings: NightSettings, progress: FleetProgress, tuning: Tuning = DEFAULT) -> NightTold:
    """``tuning``: of the detection. Raises BadInput for a plan that cannot be used, or that has nobody to measure on;
    whatever becomes of its models and devices is told, not raised.

    Interrupted or killed, the same call goes on from what the ledger has, until noon UTC.
    """
    lab = load_lab(settings.lab)
    require_results(settings.results)
    settings.results.mkdir(parents=True, exist_ok=True)
    with (
        Ledger.open(settings.results / "ledger.db") as ledger,
        tempfile.TemporaryDirectory(prefix="earshot-night-") as scratch,
    ):
        tonight_ = tonights_plan(settings, lab, ledger)
        require_something(tonight_.planned)
        return _Night(settings, tonight_, ledger, Path(scratch), progress, tuning).run()


class _Night:
    def __init__(
        self,
        settings: NightSettings,
        found: Tonight,
        ledger: Ledger,
        scratch: Path,
        progress: FleetProgress,
        tuning: Tuning,
    ) -> None:
        self._settings, self._tonight, self._ledger = settings, found, ledger
        self._scratch, self._progress, self._tuning = scratch, progress, tuning
        self._clock = NightClock(found.at)
        self._ready: dict[str, Ready] = {}
        self._missing = {each.what: each for each in found.planned.missing}
        self._shifts: dict[str, DeviceShift] = {}
        self._reruns: dict[str, DeviceReruns] = {}
        self._notes: list[str] = []
        self._quarantined: list[str] = []
        self._judged: Regressions | None = None
        self._record = self._begun()

    def _begun(self) -> NightRecord:
        """A new night, or this one gone on with: it began when it began."""
        plan, at = self._tonight.plan, self._tonight.at
        before = next((night for night in nights(self._ledger, plan.name) if night.at == at), None)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return NightRecord(
            plan.name,
            at,
            before.started_utc if before else now,
            before.expected_end_utc if before else self._tonight.expected_end.isoformat(timespec="seconds"),
            self._tonight.planned.sessions,
            missing=self._tonight.planned.missing,
        )

    def run(self) -> NightTold:
        record_night(self._ledger, self._record)
        self._ready, missing = make_ready(
            self._tonight.plan, self._tonight.planned, self._settings.results, self._scratch, self._ledger,
            self._progress,
        )  # fmt: skip
        self._missing |= {each.what: each for each in missing}
        self._measure()
        unjudged = self._judge()
        for look in _LOOKS:
            if self._judged is None or not self._decide(self._judged.asked, look):
                break
            unjudged = self._judge()
        if self._judged is not None:
            self._isolate(self._judged.told)
        told = self._pushed(self._told(unjudged))
        write_page(self._settings.results / PAGE, render_night(told))
        return told

    def _measure(self) -> None:
        plan, lab = self._tonight.plan, self._tonight.lab
        work: dict[str, Work] = {}
        for shift in self._tonight.planned.shifts:
            device = lab.devices[shift.device]
            own = DeviceShift(plan, self._clock, self._ledger, self._ready, shift, device)
            self._shifts[device.name] = own
            work[device.name] = own.work
        for name, reason in self._on_all(work).items():
            self._shifts[name].miss(None, reason)
        for own in self._shifts.values():
            self._missing |= own.missing

    def _on_all(self, work: dict[str, Work]) -> dict[str, str]:
        plan = self._tonight.plan
        return on_all(work, self._clock, self._progress, retries=plan.retries, pause_s=plan.retry_after_s)

    def _judge(self) -> str | None:
        """Why the night cannot be judged; None: it is."""
        try:
            self._judged = judge(
                self._settings.results, reference=self._reference(), night=self._tonight.at, tuning=self._tuning
            )
        except EarshotError as exc:
            self._judged = None
            return f"{exc.message}{f' ({exc.hint})' if exc.hint else ''}"
        return None

    def _reference(self) -> str | None:
        """The name under which the ledger has it; None where nothing of it could be measured."""
        wanted = self._tonight.plan.reference
        if wanted is None or wanted not in self._ready:
            return None
        name = self._ready[wanted].prepared.source.name
        measured = any(
            counted(self._ledger, [shift.studies[wanted]], self._tonight.plan.mode)[0]
            for shift in self._shifts.values()
            if wanted in shift.studies
        )
        return name if measured else None

    def _decide(self, asked: Sequence[ConfirmationRequest], look: int) -> bool:
        """Re-runs of what is suspect, each on its device. False where there are none."""
        by_device: dict[str, list[ConfirmationRequest]] = {}
        for each in asked:
            device = each.configuration[0]
            if device in self._shifts and not self._refused(each):
                by_device.setdefault(device, []).append(each)
        work: dict[str, Work] = {}
        for device, requests in by_device.items():
            reruns = self._reruns.setdefault(device, self._reruns_on(device))
            work[device] = partial(reruns.work, tuple(requests), look)
        for name, reason in self._on_all(work).items():
            self._notes.append(f"{name}: re-runs ended: {reason}")
        return bool(work)

    def _refused(self, asked: ConfirmationRequest) -> bool:
        """Whether an earlier look could not make all pairs: a further one could not either."""
        own = self._reruns.get(asked.configuration[0])
        told = own.told.get(asked.configuration) if own else None
        return told is not None and told.reason is not None

    def _reruns_on(self, device: str) -> DeviceReruns:
        shift = self._shifts[device]
        return DeviceReruns(
            self._tonight.plan,
            self._clock,
            self._ledger,
            self._ready,
            shift.device,
            list(shift.studies.values()),
        )

    def _isolate(self, told: Sequence[Verdict]) -> None:
        """A device whose reference model moved goes into quarantine: its figures would be told of models."""
        reference = self._reference()
        for verdict in told:
            device = verdict.key.device
            if verdict.kind != DEVICE_DRIFT or verdict.key.model != reference or device in self._quarantined:
                continue
            if device == LOCAL:
                self._notes.append(f"{device} drifted: {verdict.said}")
                continue
            quarantine(self._ledger, device, f"night of {verdict.at}: {verdict.said}")
            self._quarantined.append(device)

    def _told(self, unjudged: str | None) -> NightTold:
        now = datetime.now(UTC)
        devices = tuple(self._device(name) for name in self._shifts)
        verdicts = self._judged.told if self._judged else ()
        kinds = [verdict.kind for verdict in verdicts]
        plan = self._tonight.plan
        record = replace(
            self._record,
            finished_utc=now.isoformat(timespec="seconds"),
            expected_sessions=sum(device.expected for device in devices),
            finished_sessions=sum(device.finished for device in devices),
            failed_sessions=sum(device.failed for device in devices),
            missing=tuple(self._missing.values()),
            verdicts={kind: kinds.count(kind) for kind in dict.fromkeys(kinds)},
            unjudged=unjudged,
            quarantined=tuple(self._quarantined),
            late=now > planned_end(self._tonight.at, plan.end),
        )
        record_night(self._ledger, record)
        reruns: tuple[RerunTold, ...] = tuple(told for own in self._reruns.values() for told in own.told.values())
        judged = (self._judged.series, self._judged.learning) if self._judged else (0, 0)
        return NightTold(record, devices, verdicts, reruns, tuple(self._notes), *judged)

    def _pushed(self, told: NightTold) -> NightTold:
        """The night is in the ledger, and waits there for a server that is away."""
        url = self._tonight.plan.prometheus_url
        if url is None:
            return told
        from orchestrator.workflows.telemetry import push

        try:
            push(self._ledger, url, verdicts=told.verdicts)
        except EarshotError as exc:
            return replace(told, notes=(*told.notes, f"not all was pushed to {url}: {exc.message}"))
        return told

    def _device(self, name: str) -> DeviceTold:
        shift, plan = self._shifts[name], self._tonight.plan
        studies = self._reruns[name].studies if name in self._reruns else list(shift.studies.values())
        good, failed = counted(self._ledger, list(shift.studies.values()), plan.mode)
        return DeviceTold(name, shift.expected, good, failed, spent_s(self._ledger, studies), plan.budget_of(name))
