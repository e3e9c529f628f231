"""``earshot run --mode placement``: which provider ran which node, and whether it computes what the CPU computes."""

from agents import wire
from orchestrator.cli.output import number, print_json, print_table
from orchestrator.cli.progress import TerminalProgress
from orchestrator.domain.operator_profile import folded
from orchestrator.domain.placement import fell_back
from orchestrator.domain.session import Session
from orchestrator.workflows.fleet import failed_session
from orchestrator.workflows.reach import Ahead
from orchestrator.workflows.run_settings import RunSettings
from orchestrator.workflows.single import run_one


def run_placement(settings: RunSettings, as_json: bool, ahead: Ahead | None) -> None:
    with TerminalProgress() as progress:
        session = run_one(settings, progress, ahead).session
    if not session.ok:
        raise failed_session(session, settings.results)
    if as_json:
        print_json(placement_as_json(session))
    else:
        print_placement(session)


def placement_as_json(session: Session) -> dict[str, object]:
    result = session.result
    return {
        "session": session.session_id,
        "asked_for": session.planned.candidate.provider,
        "fell_back": fell_back(session.planned.candidate.provider, result),
        "runtime": {"version": result.runtime_version, "build": result.runtime_build},
        "providers_registered": result.providers_registered,
        "placement": result.placement,
        "fallback": result.fallback,
        "parity": result.parity,
        "emulated": session.emulated,
        "operators": result.operators,
    }


def print_placement(session: Session) -> None:
    result = session.result
    print_table(["fact", "value"], _facts(session))
    print_table(
        ["\nprovider", "\nnodes>", "of the\ngraph>", "share of\nnode time>"],
        [
            [p.provider, str(p.nodes), "-" if p.graph_nodes is None else str(p.graph_nodes), _share(p.time_share)]
            for p in result.placement
        ],
    )
    top, rest = folded(result.operators)
    rows = [[o.op, o.node, o.provider, str(o.calls), _us(o.time_us), _share(o.share)] for o in top]
    if rest is not None:
        rows.append([f"{rest.nodes} others", "", "", str(rest.calls), _us(rest.time_us), _share(rest.share)])
    print_table(["op", "node", "provider", "calls>", "us>", "share>"], rows)


def _facts(session: Session) -> list[list[str]]:
    result, wanted = session.result, session.planned.candidate.provider
    why = fell_back(wanted, result)
    rows = [
        ["asked for", wanted],
        ["fell back", "no" if why is None else why],
        ["runtime", f"{result.runtime_version}, {result.runtime_build}"],
        ["same as the CPU", _parity(result.parity)],
    ]
    if result.fallback and why is None:
        rows.insert(2, ["on the CPU", result.fallback])
    if session.emulated:
        rows.append(["emulated", f"{session.emulated}; its times say nothing about a device"])
    return [*rows, ["times", "profiled: shares rank nodes, and no time here is a figure of the model"]]


def _parity(parity: wire.DeviceParity | None) -> str:
    if parity is None:
        return "not compared: it is the CPU, or its runtime has nothing to compare with"
    if parity.max_abs is None:
        return f"no: {parity.reason}"
    over = f"over {parity.chunk_count} chunks"
    if parity.snr_db is None:
        return f"bit for bit {over}"
    return f"{parity.snr_db:.1f} dB, largest difference {number(parity.max_abs)}, {over}"


def _share(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"


def _us(time_us: float | None) -> str:
    return "-" if time_us is None else number(time_us)
