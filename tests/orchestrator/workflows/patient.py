"""``earshot`` whose studies count sessions however late this machine was: for tests of what is done, not of figures."""

from dataclasses import replace
from functools import partial

from orchestrator.cli.main import main
from orchestrator.decide.selection.policy import Policy
from orchestrator.domain.session_verdict import DEFAULT_LIMITS

PATIENT = partial(Policy, sessions=replace(DEFAULT_LIMITS, pacer_share=1e9))

if __name__ == "__main__":
    from orchestrator.workflows import race

    race.Policy = PATIENT  # type: ignore[assignment, misc]
    main()
