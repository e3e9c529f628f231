"""Fine-tuning jobs at a host that has torch: learned in a process of its own, the weights put into the store."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from agents.strict_json import from_json, to_json
from orchestrator.domain.job import Outcome
from orchestrator.ledger.store.base import Store
from orchestrator.make.export.child import child_environment
from orchestrator.make.train.tuned import keep
from orchestrator.workflows.farm.depot import Depot
from orchestrator.workflows.farm.learn import Learned, LearnWork
from orchestrator.workflows.farm.learn_child import Answer, Question

_LOOK_S = 0.5
_LAST_BYTES = 2000
# One batch is easier than another: the losses of so many are averaged.
_SOME = 10


def learn_here(depot: Depot, store: Store, work: LearnWork, stopped: Callable[[], bool]) -> Outcome | None:
    """None where it was stopped. The parcel is unpacked already. Raises StoreError.

    What the training refuses is a failure: with another worker's packages it may go well. A process that was killed
    (memory) is tried again.
    """
    with tempfile.TemporaryDirectory(prefix="earshot-learn-") as scratch:
        out = Path(scratch) / "weights.safetensors"
        answer = _asked(Question(str(depot.folder), work.parcel, work.learn, str(out)), stopped)
        if answer is None or isinstance(answer, Outcome):
            return answer
        if answer.reason is not None:
            return Outcome(reason=answer.reason + (f" ({answer.hint})" if answer.hint else ""))
        folder = Path(scratch) / "kept"
        name = keep(out.read_bytes(), folder)
        kept = next(folder.iterdir())
        depot.cache.keep(kept)
        first, last = (sum(some) / len(some) for some in (answer.losses[:_SOME], answer.losses[-_SOME:]))
        return Outcome(to_json(Learned(name, store.put(kept), first, last)))


def _asked(question: Question, stopped: Callable[[], bool]) -> Answer | Outcome | None:
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "orchestrator.workflows.farm.learn_child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=child_environment(),
            text=True,
            # A terminal's Ctrl-C is for the worker, which then ends it.
            start_new_session=True,
        )
        said = _said(process, json.dumps(to_json(question)), stopped)
        if said is None:
            return None
        if process.returncode == 0:
            return from_json(Answer, json.loads(said))
        errors.seek(0)
        lines = errors.read()[-_LAST_BYTES:].decode(errors="replace").strip().splitlines()
        told = f": {lines[-1]}" if lines else ""
        return Outcome(reason=f"the training process ended with {process.returncode}{told}", again=True)


def _said(process: "subprocess.Popen[str]", asked: str, stopped: Callable[[], bool]) -> str | None:
    """None where it was stopped, and killed."""
    sent: str | None = asked
    while True:
        try:
            said, _ = process.communicate(sent, timeout=_LOOK_S)
            return said
        except subprocess.TimeoutExpired:
            sent = None
        if stopped():
            process.kill()
            process.communicate()
            return None
