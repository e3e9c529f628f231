"""Threads that do the jobs of queues: each is started when there is something to do, and ends when there is not."""

import threading
from collections.abc import Callable

from orchestrator.domain.job import device_of
from orchestrator.errors import LedgerError
from orchestrator.measure.farm.executor.duty import Duty


class Hands:
    """One at a time for a queue of a device, ``shared_at_once`` for another. ``freed`` is called with queues in which a
    job became ready; ``changed`` when a hand has ended.
    """

    def __init__(
        self, duty: Duty, shared_at_once: int, freed: Callable[[list[str]], None], changed: Callable[[], None]
    ) -> None:
        self._duty, self._shared_at_once, self._freed, self._changed = duty, shared_at_once, freed, changed
        self._lock = threading.Lock()
        self._active: dict[str, int] = {}
        # Woken while all hands that it may have were at it: one looks once more before it ends.
        self._again: set[str] = set()
        self._told: dict[str, list[Callable[[], None]]] = {}
        self._ended = False

    def most(self, queue: str) -> int:
        return self._shared_at_once if device_of(queue) is None else 1

    def wake(self, queue: str, told: Callable[[], None] | None = None) -> None:
        """``told`` is called when a hand of this queue finds nothing more to do, at once where all were ended."""
        with self._lock:
            if not self._ended:
                if told is not None:
                    self._told.setdefault(queue, []).append(told)
                if self._active.get(queue, 0) >= self.most(queue):
                    self._again.add(queue)
                else:
                    self._active[queue] = self._active.get(queue, 0) + 1
                    threading.Thread(target=self._serve, args=(queue,), name=f"earshot {queue}", daemon=True).start()
                return
        if told is not None:
            told()

    def free(self, queue: str) -> int:
        """How many hands more may work on it."""
        return self.most(queue) - self._active.get(queue, 0)

    @property
    def busy(self) -> bool:
        return bool(self._active)

    def end(self) -> None:
        """Nothing more is begun."""
        self._ended = True

    def _serve(self, queue: str) -> None:
        told = None
        while told is None:
            try:
                self._work(queue)
            finally:
                told = self._rest(queue)
        for each in told:
            each()
        self._changed()

    def _work(self, queue: str) -> None:
        try:
            while not self._ended and (freed := self._duty.do_next(queue)) is not None:
                if freed:
                    self._freed(freed)
        except LedgerError:
            # Whoever looks at the ledger tells that it is away, and wakes this queue when it is back.
            self._again.discard(queue)

    def _rest(self, queue: str) -> list[Callable[[], None]] | None:
        """Whom to tell that this hand has ended; None: it was woken meanwhile, and goes on."""
        with self._lock:
            if queue in self._again and not self._ended:
                self._again.discard(queue)
                return None
            self._active[queue] -= 1
            if not self._active[queue]:
                del self._active[queue]
            return self._told.pop(queue, [])
