"""Two sides compared, or refused because they are not alike."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from orchestrator.decide.comparison.effect import LESS, MORE, Effect, effect_of
from orchestrator.decide.comparison.overlap import overlapping
from orchestrator.decide.comparison.runs import METRICS, Block, Side, runs_of
from orchestrator.decide.comparison.stale import stale
from orchestrator.decide.comparison.surroundings import Unlike, unlike
from orchestrator.decide.selection.figures import Run
from orchestrator.decide.selection.words import NAMES, times
from orchestrator.domain.calibration import Calibration
from orchestrator.errors import BadInput, Incomparable
from orchestrator.statistics.miss_rate import miss_rate_interval

# Nobody hears less; a comparison that is to rule out less asks for it with --effect.
WANTED_EFFECT = 0.05
DUET = "both ran at the same time, so each figure is that of a busy device: only their ratio says something"


@dataclass(frozen=True)
class Comparison:
    """``forced``: the unlike fields that it was forced across, empty where all are alike. ``notes``: what to know
    before it is believed. ``relative_only``: the two ran at once, so that there are no absolute figures.
    """

    a: str
    b: str
    device: str
    mode: str
    effects: tuple[Effect, ...]
    forced: tuple[Unlike, ...]
    relative_only: bool
    notes: tuple[str, ...]
    sentence: str

    @property
    def mark(self) -> str:
        """What goes with every figure of a forced comparison."""
        return f"forced: compared across {', '.join(each.name for each in self.forced)}" if self.forced else ""


def compare(
    a: Side,
    b: Side,
    *,
    calibration: Calibration | None = None,
    wanted: float = WANTED_EFFECT,
    force: bool = False,
    duet: bool = False,
) -> Comparison:
    """B against A. Raises Incomparable with the fields in which they differ, unless ``force``; BadInput where the two
    are the same sessions, or ``wanted`` is no share. ``duet``: the two ran at the same time, block by block.
    """
    if not 0.0 < wanted < 1.0:
        raise BadInput(f"effect must be a share in 0..1, got {wanted:g}", hint="--effect 0.05 is 5 %")
    if {s.session_id for s in a.sessions} & {s.session_id for s in b.sessions}:
        raise BadInput(f"{a.name} and {b.name} share sessions", hint="earshot calibrate compares a thing with itself")
    fields = (*unlike(a.sessions, b.sessions, at_once=duet), *_others(a, b))
    if fields and not force:
        raise Incomparable(
            f"{a.name} and {b.name} were not measured alike: they differ in {', '.join(each.name for each in fields)}",
            fields=tuple((each.name, each.a, each.b) for each in fields),
            hint="measure both now: earshot compare MODEL RECIPE_A RECIPE_B; or --force, and the result says so",
        )
    # In a duet each is what the other one's machine is busy with.
    mine, theirs = runs_of(a, with_suspect=duet), runs_of(b, with_suspect=duet)
    if duet:
        mine, theirs = overlapping(mine, theirs)
    effects = tuple(
        effect_of(
            metric,
            mine.good,
            theirs.good,
            wanted=wanted,
            # The noise floor is that of a device that one session has to itself.
            calibration=None if duet else calibration,
            relative_only=duet,
        )
        for metric in METRICS
    )
    noise = _noise_notes(calibration, b, duet)
    first = b.sessions[0]
    mode = first.planned.mode
    comparison = Comparison(
        a=a.name,
        b=b.name,
        device=first.planned.device,
        mode=mode,
        effects=effects,
        forced=fields,
        relative_only=duet,
        notes=(*_miss_rates(mine.good, theirs.good), *mine.left_out, *theirs.left_out, *noise),
        sentence="",
    )
    return _with_sentence(comparison)


def _others(a: Side, b: Side) -> list[Unlike]:
    return [Unlike(n, a.others[n], b.others[n]) for n in a.others if n in b.others and a.others[n] != b.others[n]]


def _miss_rates(a: Mapping[Block, Run], b: Mapping[Block, Run]) -> tuple[str, ...]:
    """As shares: there is no ratio to a side that misses none."""
    found = []
    for name, runs in (("A", a), ("B", b)):
        timed = [run.steady for run in runs.values() if run.paced]
        if not timed:
            return ()
        rate = miss_rate_interval([int(each.missed.sum()) for each in timed], [len(each) for each in timed])
        if rate.value is None or rate.low is None or rate.high is None:
            return ()
        found.append(f"{name} {100 * rate.value:.2f} % ({100 * rate.low:.2f} to {100 * rate.high:.2f})")
    return (f"missed deadlines: {', '.join(found)}",)


def _noise_notes(found: Calibration | None, side: Side, duet: bool) -> tuple[str, ...]:
    if duet:
        return (DUET,)
    session = side.sessions[0]
    device = session.planned.device
    if found is None:
        return (f"{device} is not calibrated for {session.planned.mode} sessions: run earshot calibrate {device}",)
    about = f"the noise floor of {device} is of {found.at_utc[:10]}, by {found.candidate} of {found.model}"
    reasons = stale(found, session)
    if reasons:
        return (f"{about}, and is stale: {'; '.join(reasons)}. Run earshot calibrate {device} again",)
    return (about,)


def _with_sentence(found: Comparison) -> Comparison:
    """One sentence on the metric that the mode is for."""
    metric = "latency_p50_ms" if found.mode == "paced" else "service_p50_ms"
    effect = next(each for each in found.effects if each.metric == metric)
    sentence = f"{NAMES[metric][0]} on {found.device}: {effect.said}"
    if effect.ratio.value is not None:
        words = times(effect.ratio, metric, "A")
        sentence += f"; {words}" if effect.verdict in (LESS, MORE) else f" (B is {words})"
    mark = f" [{found.mark}]" if found.mark else ""
    return replace(found, sentence=f"{sentence}.{mark}")
