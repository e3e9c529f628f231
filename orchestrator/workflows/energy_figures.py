"""The energy of one session in figures, each with what a reader must know of its sensor."""

from orchestrator.domain.energy import Drawn, Idle, NoEnergy, drawn, same_source
from orchestrator.domain.power import beyond_calibration
from orchestrator.domain.session import Session
from orchestrator.domain.timeline import Timeline
from orchestrator.workflows.figure import Figure

_NET, _PER_CHUNK, _GROSS, _MEAN, _IDLE = "energy, net", "energy per chunk, net", "energy", "power, mean", "power, idle"
_PER_AUDIO_S, _MJ, _W = "mJ per s of audio", "mJ", "W"


def energy_figures(session: Session, steady: Timeline, idle: Idle | str) -> list[Figure]:
    """Net energy, also per chunk; of a flat-out session gross too, as gross energy of a paced one is its mean power.

    Where it is absent one figure without a value, and the reason.
    """
    try:
        found = drawn(session, steady)
    except NoEnergy as exc:
        return [Figure(_NET, None, _PER_AUDIO_S, f"absent: {exc}")]
    whole = [Figure(_MEAN, found.power_w, _W, _mean_note(found))]
    if not steady.paced:
        whole.append(Figure(_GROSS, found.gross_mj_per_audio_s, _PER_AUDIO_S, "flat out, idle power included"))
    return [*_net(found, idle), *whole]


def _net(found: Drawn, idle: Idle | str) -> list[Figure]:
    try:
        if isinstance(idle, str):
            raise NoEnergy(idle)
        same_source([found], idle)
    except NoEnergy as exc:
        return [Figure(_NET, None, _PER_AUDIO_S, f"absent: {exc}")]
    net, spread = found.net_mj_per_audio_s(idle), found.net_uncertainty_mj(idle)
    chunk_s = found.audio_s_per_chunk
    return [
        Figure(_NET, net, _PER_AUDIO_S, f"\u00b1 {spread:.2g}, standard uncertainty; above the idle power"),
        Figure(_PER_CHUNK, net * chunk_s, _MJ, f"\u00b1 {spread * chunk_s:.2g}; one inference"),
        Figure(_IDLE, idle.power_w, _W, _idle_note(idle)),
    ]


def _mean_note(found: Drawn) -> str:
    energy = found.energy
    gap = f"{energy.gap_s:.3g} s of {found.window_s:.3g} s unknown in {energy.gaps} gaps" if energy.gaps else ""
    others = ", ".join(found.source.others)
    said = [
        f"by {found.source.described()}",
        f"{energy.readings} readings",
        gap,
        beyond_calibration(found.source, found.power_w) or "",
        f"not chosen: {others}" if others else "",
    ]
    return "; ".join(filter(None, said))


def _idle_note(idle: Idle) -> str:
    drift = "" if idle.drift_w is None else f"; it moved by {idle.drift_w:+.3g} W from before to after"
    doubt = f"; not idle: {idle.doubt}" if idle.doubt else ""
    return f"agent and pacer without a model, {idle.sessions} sessions{drift}{doubt}"
