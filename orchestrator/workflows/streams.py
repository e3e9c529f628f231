"""``earshot run --mode multi``: how many concurrent streams a device holds, into the ledger."""

from datetime import UTC, datetime

from agents import wire
from orchestrator.decide.capacity.search import StreamsQuestion, StreamsSearch, bounds
from orchestrator.domain.candidate import Candidate
from orchestrator.domain.session import MULTI, Session
from orchestrator.domain.streams_held import StreamsHeld, StreamsRun, StreamsTried, read_run, streams_in_words
from orchestrator.ledger.streams import record_streams_held
from orchestrator.measure.lab.inventory import find_device, load_lab
from orchestrator.workflows.choice import choose_devices, is_name
from orchestrator.workflows.fleet import failed_session
from orchestrator.workflows.progress import Progress
from orchestrator.workflows.reach import Ahead
from orchestrator.workflows.reserve import first_free
from orchestrator.workflows.run_settings import RunSettings
from orchestrator.workflows.run_work import Work, prepared_work
from orchestrator.workflows.session_runner import SessionRunner
from orchestrator.workflows.single import on_device
from orchestrator.workflows.streams_wanted import StreamsWanted

# Suspect sessions that are run once more, in a whole search.
_SUSPECT_RERUNS = 4
# Of the memory that is available: the rest is for what else runs there, and for what the kernel caches.
_MEMORY_SHARE = 0.8
# What would happen with one stream as well.
_NOT_OF_THE_LOAD = ("disk-full", "fenced")


def hold_streams(settings: RunSettings, progress: Progress, ahead: Ahead | None = None) -> StreamsHeld:
    """The search on one device, with all of its sessions in one study. The same command goes on where it was
    interrupted. Raises EarshotError; SessionFailed where one stream alone fails.
    """
    lab = load_lab(settings.lab)
    if is_name(settings.device):
        find_device(lab, settings.device)
    with prepared_work(settings, progress) as work:
        devices = choose_devices(lab, settings.device, work.ledger, progress, one=True)[0]
        search = lambda runner, candidate: _Search(work, runner, candidate).run()  # noqa: E731
        return first_free(
            devices,
            lambda device, wait_s: on_device(work, device, progress, search, wait_s, ahead),
            settings.wait_s,
        )


class _Search:
    def __init__(self, work: Work, runner: SessionRunner, candidate: Candidate) -> None:
        assert work.settings.streams is not None
        self._work, self._runner, self._candidate = work, runner, candidate
        self._wanted: StreamsWanted = work.settings.streams
        runner.sharing, runner.seed = self._wanted.sharing, self._wanted.seed
        runner.suspect_reruns = max(runner.suspect_reruns, _SUSPECT_RERUNS)
        contract = runner.artifacts[candidate.artifact_sha256].contract
        self._rate = contract.sample_rate_hz
        self._deadline_ns = runner.deadline_ns or round(contract.chunk_s(candidate.chunk_samples) * 1e9)
        self._most_reason = "--max-streams"

    def run(self) -> StreamsHeld:
        search = StreamsSearch(
            StreamsQuestion(self._wanted.most_streams, self._servers(), self._wanted.budget, self._wanted.most_runs)
        )
        self._runner.progress.stage("streams held", steps=_expected_sessions(self._wanted.most_streams))
        while (streams := search.ask()) is not None:
            session = self._session(streams, search.runs_of(streams))
            if streams == 1 and session.ok:
                search.most = min(search.most, self._fits_in_memory(session))
            search.tell(self._read(session))
            if search.ask() != streams:
                self._runner.progress.note(_in_short(search.tried_of(streams)))
        found = self._found(search)
        record_streams_held(self._work.ledger, found)
        return found

    def _session(self, streams: int, number: int) -> Session:
        self._runner.progress.step(f"{streams_in_words(streams)}, run {number + 1}")
        seconds = self._work.settings.seconds
        return self._runner.run(
            self._runner.plan(self._candidate, MULTI, seconds=seconds, block=number, streams=streams)
        )

    def _read(self, session: Session) -> StreamsRun:
        """Raises SessionFailed where it is not the number of streams that failed it."""
        if not session.ok and (session.planned.streams == 1 or session.result.failure in _NOT_OF_THE_LOAD):
            raise failed_session(session, self._work.settings.results)
        run = read_run(session, self._rate, self._deadline_ns)
        for doubt in (run.failed, run.ruled_out):
            if doubt is not None:
                self._runner.progress.note(f"{streams_in_words(run.streams)}: {doubt}")
        return run

    def _servers(self) -> float:
        """How many streams can be served at the same moment, for a first guess."""
        if self._wanted.sharing == wire.ONE_SESSION:
            return 1.0
        cores = len(self._candidate.affinity) or len(self._runner.environment.probe.cores)
        return max(1.0, cores / self._candidate.threads)

    def _fits_in_memory(self, alone: Session) -> int:
        """How many processes like this one the device has memory for, by what is the process's own."""
        own = next((m.rss_anon_bytes for m in alone.result.memory if m.phase == "steady"), None)
        available = alone.result.before.memory_available_bytes if alone.result.before else None
        if self._wanted.sharing == wire.ONE_SESSION or not own or not available:
            return self._wanted.most_streams
        room = max(1, int(_MEMORY_SHARE * available / own))
        if room < self._wanted.most_streams:
            self._most_reason = f"memory: {available / 1e6:.0f} MB available, {own / 1e6:.0f} MB a stream"
        return room

    def _found(self, search: StreamsSearch) -> StreamsHeld:
        budget, candidate = self._wanted.budget, self._candidate
        of = bounds(search.tried, budget)
        return StreamsHeld(
            study_id=self._runner.study.study_id,
            device=self._runner.study.device,
            at_utc=datetime.now(UTC).isoformat(timespec="seconds"),
            model=candidate.model,
            candidate_key=candidate.key,
            candidate=candidate.label,
            artifact_sha256=candidate.artifact_sha256,
            sharing=self._wanted.sharing,
            seconds=self._work.settings.seconds,
            miss_budget=budget,
            deadline_ms=self._deadline_ns / 1e6,
            value=of.value,
            low=of.low,
            high=of.high,
            most=search.most,
            most_reason=self._most_reason,
            tried=search.tried,
            contradictions=of.contradictions,
        )


def _expected_sessions(most_streams: int) -> int:
    """For the bar only: two runs at each of the numbers that steps and bisection take."""
    return 2 * (4 + most_streams.bit_length())


def _in_short(tried: StreamsTried) -> str:
    """For whoever watches: what is known of this number by now."""
    rate = tried.miss_rate.value
    known = tried.why if rate is None else f"{100 * rate:.3g} % of chunks late"
    runs = "1 run" if len(tried.runs) == 1 else f"{len(tried.runs)} runs"
    return f"{streams_in_words(tried.streams)}: {tried.verdict} after {runs}, {known}"
