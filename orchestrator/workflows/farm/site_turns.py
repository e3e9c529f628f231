"""A worker's two ways to work, in turns: with its farm while that can be reached, from its snapshot while it cannot."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from sqlalchemy import literal, select

from orchestrator.domain.job import OPEN
from orchestrator.errors import LedgerAway, LedgerError
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.orders import jobs
from orchestrator.ledger.snapshot import taken_utc_s
from orchestrator.ledger.spool import spool
from orchestrator.workflows.farm.site import FarmSite
from orchestrator.workflows.farm.site_words import caught_up_words, snapshot_words, spool_words

# How soon a wish to end is passed on.
_TICK_S = 0.1


@dataclass(frozen=True)
class SitePace:
    """``away_s``: a farm that is away for longer is worked without; a restart of its database is shorter. ``reach_s``:
    between two attempts to reach it then. ``refresh_s``: between two looks at what the snapshot lacks. ``tell_s``:
    between two words on what waits for a farm that is away.
    """

    away_s: float = 30.0
    reach_s: float = 15.0
    refresh_s: float = 15.0
    tell_s: float = 3600.0


class Work(Protocol):
    """Both return when ``leave`` is set and what they do has ended, or, where that is wanted, when nothing is left."""

    def online(
        self, farm: Ledger, leave: threading.Event, on_away: Callable[[str], None], on_back: Callable[[], None]
    ) -> None:
        """Serve the farm's queues. Raises LedgerAway where that cannot begin."""

    def fetch_ahead(self, farm: Ledger) -> None:
        """What jobs of the snapshot need is brought here. Raises LedgerError, of which StoreError is one."""

    def offline(self, leave: threading.Event) -> None:
        """Serve the same queues from the site's ledger."""


class Turns:
    """``farm``: path of the farm's ledger, as ``Ledger.open`` takes it."""

    def __init__(
        self,
        site: FarmSite,
        farm: Path,
        work: Work,
        note: Callable[[str], None],
        stop: threading.Event,
        pace: SitePace | None = None,
    ) -> None:
        self._site, self._path, self._work, self._note = site, farm, work, note
        self._stop, self._pace = stop, pace or SitePace()
        self._farm: Ledger | None = None
        self._away_since_s: float | None = None
        self._told: set[str] = set()

    def run(self) -> None:
        """Until ``stop`` is set, or until a way of working says that nothing is left. Raises EarshotError of a farm
        that is there and refuses; one that is away ends nothing.
        """
        try:
            while not self._stop.is_set():
                if self._with_farm() or self._stop.is_set() or self._from_snapshot():
                    return
        finally:
            if self._farm is not None:
                self._farm.close()

    def _with_farm(self) -> bool:
        """True where nothing is left to do; False where the farm is away."""
        leave = threading.Event()
        try:
            farm = self._reached()
            self._catch_up(farm)
            with self._watched(leave), self._fresh(farm, leave):
                self._work.online(farm, leave, self._on_away, self._on_back)
        except LedgerAway as exc:
            self._note(f"the farm's ledger is away: {exc.message}")
            return False
        return not leave.is_set()

    def _from_snapshot(self) -> bool:
        """True where nothing is left to do; False where the farm is back."""
        left = len(jobs(self._site.ledger, queues=self._site.queues, states=OPEN))
        self._note(f"works without the farm: {snapshot_words(taken_utc_s(self._site.ledger), left)}")
        self._away_since_s = None
        self._site.begin_offline()
        leave = threading.Event()
        with self._watched(leave), self._looking_for_it(leave):
            self._work.offline(leave)
        if leave.is_set():
            return False
        self._tell_what_waits()
        return True

    def _reached(self) -> Ledger:
        if self._farm is None:
            self._farm = Ledger.open(self._path)
        self._farm.fetch(select(literal(1)))
        return self._farm

    def _catch_up(self, farm: Ledger) -> None:
        words = caught_up_words(self._site.catch_up(farm))
        if words is not None:
            self._note(words)

    def _on_away(self, _reason: str) -> None:
        self._away_since_s = time.monotonic()

    def _on_back(self) -> None:
        self._away_since_s = None

    def _if_there(self, step: Callable[[Ledger], object], farm: Ledger) -> None:
        try:
            step(farm)
        except LedgerAway:
            # The executor tells so.
            return
        except LedgerError as exc:
            self._note_once(f"this site is not ready to work without its farm: {exc.message}")

    def _tell_what_waits(self) -> None:
        self._note(f"still without the farm: {spool_words(spool(self._site.ledger)) or 'nothing waits for it'}")

    def _note_once(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self._note(text)

    @contextmanager
    def _watched(self, leave: threading.Event) -> Iterator[None]:
        """``leave`` is set once the worker is to end, or the farm was away for too long."""

        def watch(ended: threading.Event) -> None:
            while not ended.wait(_TICK_S):
                since_s = self._away_since_s
                if self._stop.is_set() or (since_s and time.monotonic() - since_s > self._pace.away_s):
                    leave.set()

        with _beside(watch):
            yield

    @contextmanager
    def _fresh(self, farm: Ledger, leave: threading.Event) -> Iterator[None]:
        """The snapshot, and what it needs, follow the farm meanwhile, and the farm follows the site."""

        def follow(ended: threading.Event) -> None:
            # What was recorded beside sessions (a quarantine, a person's word) waits for none.
            steps = (partial(self._site.deliver, leave=ended), self._site.refresh, self._work.fetch_ahead)
            while not (ended.is_set() or leave.is_set()):
                for step in steps:
                    self._if_there(step, farm)
                ended.wait(self._pace.refresh_s)

        with _beside(follow):
            yield

    @contextmanager
    def _looking_for_it(self, leave: threading.Event) -> Iterator[None]:
        """``leave`` is set once the farm is back, and has what was measured until then."""

        def look(ended: threading.Event) -> None:
            told_s = time.monotonic()
            while not ended.wait(self._pace.reach_s):
                if time.monotonic() - told_s > self._pace.tell_s:
                    told_s = time.monotonic()
                    self._tell_what_waits()
                try:
                    self._site.deliver(self._reached(), ended)
                except LedgerAway:
                    continue
                except LedgerError as exc:
                    self._note_once(f"nothing can be delivered: {exc.message}")
                else:
                    leave.set()
                    return

        with _beside(look):
            yield


@contextmanager
def _beside(what: Callable[[threading.Event], None]) -> Iterator[None]:
    """``what`` runs in a thread of its own until the event that it is given is set, at the end of the block."""
    ended = threading.Event()
    thread = threading.Thread(target=what, args=(ended,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
