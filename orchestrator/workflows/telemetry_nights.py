"""What nights, their verdicts and searches for streams tell Prometheus."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from orchestrator.domain.night import NightRecord
from orchestrator.domain.night_series import SeriesKey
from orchestrator.domain.regression import DISMISSED, Blame, Verdict
from orchestrator.domain.session import Session
from orchestrator.domain.streams_held import StreamsHeld
from orchestrator.ledger.outbox import NIGHT, STREAMS, VERDICT
from orchestrator.tell.telemetry.told import Labels, Sample, Told
from orchestrator.workflows.telemetry_sessions import configuration


def night_told(night: NightRecord) -> Told:
    """Of one that has ended."""
    if night.finished_utc is None:
        raise ValueError(f"the night {night.at} of {night.plan} has not ended")
    finished, began = (datetime.fromisoformat(at).timestamp() for at in (night.finished_utc, night.started_utc))
    open_sessions = night.expected_sessions - night.finished_sessions - night.failed_sessions
    outcomes = {"finished": night.finished_sessions, "failed": night.failed_sessions, "missing": max(0, open_sessions)}
    devices = [each for each in night.missing if ": " not in each.what]
    samples = [
        Sample("earshot_night_finished_timestamp_seconds", finished),
        Sample("earshot_night_duration_seconds", finished - began),
        *(Sample("earshot_night_sessions", float(n), (("outcome", name),)) for name, n in outcomes.items()),
        Sample("earshot_night_devices_missing", float(len(devices))),
        Sample("earshot_night_late", float(night.late)),
    ]
    key = f"{NIGHT}{night.plan}:{night.at}:{night.finished_utc}"
    return Told(key, round(finished * 1000), (("plan", night.plan),), tuple(samples))


def streams_told(found: StreamsHeld, session: Session) -> Told:
    """``session``: one of its study, of the candidate that it is about."""
    at_ms = round(datetime.fromisoformat(found.at_utc).timestamp() * 1000)
    sample = Sample("earshot_streams_held", float(found.value))
    return Told(STREAMS + found.study_id, at_ms, configuration(session), (sample,))


def verdicts_told(verdicts: Sequence[Verdict], device_models: Mapping[str, str], at_ms: int) -> Iterator[Told]:
    """What was dismissed is not told. ``device_models``: device -> its model."""
    for verdict in verdicts:
        if verdict.kind != DISMISSED:
            yield _verdict(verdict, device_models, at_ms)


def _verdict(verdict: Verdict, device_models: Mapping[str, str], at_ms: int) -> Told:
    key = verdict.key
    labels = (
        ("device_model", device_models.get(key.device, "")),
        ("device", key.device),
        ("model", key.model),
        ("runtime", key.runtime),
        ("ep", key.provider),
        ("precision", key.precision),
        ("mode", key.mode),
        ("variant", key.variant),
        ("metric", key.metric),
        ("aspect", verdict.aspect),
        ("kind", verdict.kind),
    )
    return Told(_key(verdict, key), at_ms, labels, (*_effect(verdict), *_infos(verdict)))


def _key(verdict: Verdict, key: SeriesKey) -> str:
    series = "|".join((*key.configuration, key.metric, verdict.aspect))
    return f"{VERDICT}{verdict.at}:{verdict.kind}:{hashlib.sha256(series.encode()).hexdigest()[:24]}"


def _effect(verdict: Verdict) -> Iterator[Sample]:
    effect = verdict.effect
    if effect.value is None:
        return
    if not verdict.relative:
        yield Sample("earshot_regression_difference_ratio", effect.value)
        return
    yield Sample("earshot_regression_effect_ratio", effect.value)
    if effect.low is not None and effect.high is not None:
        yield Sample("earshot_regression_effect_low_ratio", effect.low)
        yield Sample("earshot_regression_effect_high_ratio", effect.high)


def _infos(verdict: Verdict) -> Iterator[Sample]:
    """One for each axis that may be to blame; one without an axis where none is known."""
    for blame in verdict.blame or (None,):
        yield Sample("earshot_regression_info", 1.0, (*_blame(blame), ("since", verdict.since.at), *_by(verdict)))


def _blame(blame: Blame | None) -> Labels:
    return () if blame is None else (("axis", blame.axis), ("before", blame.before), ("after", blame.after))


def _by(verdict: Verdict) -> Labels:
    return () if verdict.confirmed_by is None else (("confirmed_by", verdict.confirmed_by),)
