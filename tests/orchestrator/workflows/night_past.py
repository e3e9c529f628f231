"""Nights of the past for a real one: sessions that were measured just now, told of earlier nights.

Only their dates and, by ``factor``, their times are changed; whatever is concluded from them in a test is about the
workflow and not about a device.
"""

import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from orchestrator.ledger.ledger import Ledger
from orchestrator.workflows.night_clock import noon_after, tonight
from orchestrator.workflows.night_settings import NightSettings
from orchestrator.workflows.nightly import nightly
from orchestrator.workflows.progress import Silent
from tests.orchestrator.workflows.mini import add_mini

# A night that is tested must not end in the middle of the test.
_ROOM_S = 240.0


def before_noon() -> None:
    """Waits for the next night where this one is about to end."""
    now = datetime.now(UTC)
    left_s = (noon_after(tonight(now)) - now).total_seconds()
    if left_s < _ROOM_S:
        time.sleep(left_s + 1.0)


def write_plan(path: Path, *more: str, models: Sequence[str] = ("mini",), **settings: object) -> Path:
    """A short night; ``more`` lines go after the tables of the models."""
    values = {
        "name": "test", "devices": ["local"], "seconds": 1, "runs": 3, "budget_minutes": 30, "quality": False,
        "retries": 0, "wait_minutes": 0, **settings,
    }  # fmt: skip
    lines = [f"{key} = {json.dumps(value)}" for key, value in values.items()]
    lines += [f'[[models]]\nmodel = "{name}"' for name in models]
    path.write_text("\n".join([*lines, *more]) + "\n")
    return path


@dataclass(frozen=True)
class Measured:
    """One real night of ``plan`` in ``results``, on a device of ``lab`` that is this machine under another name."""

    plan: Path
    lab: Path
    results: Path

    def past(self, results: Path, factors: Sequence[float]) -> Path:
        """Another results folder with the same models and artifacts, in which that night stands for one night per
        factor before this one, all service times multiplied by it.
        """
        for part in ("models", "artifacts"):
            shutil.copytree(self.results / part, results / part)
        rng = np.random.default_rng(0)
        with Ledger.open(self.results / "ledger.db") as source, Ledger.open(results / "ledger.db") as target:
            for artifact in source.artifacts():
                path = results.resolve() / artifact.path.relative_to(self.results.resolve())
                target.record_artifact(replace(artifact, path=path))
            for back, factor in zip(range(len(factors), 0, -1), factors, strict=True):
                _copy(source, target, back, factor * float(np.exp(0.01 * rng.standard_normal())))
        return results


def measured_night(folder: Path, **settings: object) -> Measured:
    lab = folder / "lab.toml"
    lab.write_text('[devices.bench]\ntransport = "local"\n')
    plan = write_plan(folder / "plan.toml", devices=["bench"], **settings)
    results = folder / "measured"
    add_mini(results)
    before_noon()
    told = nightly(NightSettings(plan, lab, results), Silent())
    assert told.record.complete, told.record
    return Measured(plan, lab, results)


def _copy(source: Ledger, target: Ledger, nights_back: int, factor: float) -> None:
    for study in source.studies():
        began = datetime.fromisoformat(study.started_utc) - timedelta(days=nights_back)
        moved = replace(
            study,
            study_id=f"{study.study_id}-{nights_back}",
            started_utc=began.isoformat(),
            settings={**study.settings, "night": tonight(began)},
        )
        target.begin_study(moved)
        for session in source.sessions(study.study_id):
            planned = replace(session.planned, study_id=moved.study_id)
            at = datetime.fromisoformat(session.started_utc) - timedelta(days=nights_back)
            arrays = {**session.arrays, "t_ns": np.round(session.arrays["t_ns"] * factor).astype(np.int64)}
            result = replace(session.result, session_id=planned.session_id)
            target.record_session(
                replace(session, planned=planned, result=result, arrays=arrays, started_utc=at.isoformat())
            )
