"""One fine-tuning in a process of its own: a question on stdin, an answer on stdout. It needs torch."""

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from agents.durable import write_file
from agents.strict_json import from_json, to_json
from orchestrator.ledger.store.cache import Cache
from orchestrator.make.export.child import end_with_parent
from orchestrator.workflows.farm.depot import Depot, open_parcel
from orchestrator.workflows.farm.learn import Course


@dataclass(frozen=True)
class Question:
    """``depot``: the folder of one where the parcel is unpacked already. ``out``: the file for the weights."""

    depot: str
    parcel: str
    course: Course
    out: str


@dataclass(frozen=True)
class Answer:
    """``reason`` None: the weights are in their file."""

    losses: tuple[float, ...] = ()
    reason: str | None = None
    hint: str | None = None


def learn(question: Question) -> Answer:
    from orchestrator.errors import EarshotError
    from orchestrator.workflows.progress import Silent
    from orchestrator.workflows.quantization_aware import Plan, fine_tuned, weights_of

    folder, course = Path(question.depot), question.course
    try:
        prepared = open_parcel(Depot(folder, Cache(folder / "cache", None)), question.parcel)
        plan = Plan(course.steps, course.rate, Path(question.out).parent, course.seed, course.threads)
        learner = fine_tuned(prepared.source, plan, Silent())
    except EarshotError as exc:
        return Answer(reason=exc.message, hint=exc.hint)
    write_file(question.out, weights_of(learner))
    return Answer(learner.losses)


def main() -> None:
    end_with_parent()
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        # Whatever else prints goes to stderr.
        os.dup2(2, 1)
        answers.write(json.dumps(to_json(learn(from_json(Question, json.loads(sys.stdin.read()))))))


if __name__ == "__main__":
    main()
