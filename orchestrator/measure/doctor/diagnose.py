"""From one look at a device to findings, the worst first."""

import json
import time
from dataclasses import replace

from agents import strict_json
from agents.device_facts import DeviceProbe
from agents.doctor import android
from agents.doctor.facts import DoctorFacts, JetsonFacts
from agents.jetson import parse_clocks
from orchestrator.measure.deploy.agent import DeployedAgent, not_understood, refused
from orchestrator.measure.doctor import clock_rules, cpu_rules, heat_rules, load_rules, phone_rules, software_rules
from orchestrator.measure.doctor.clock_rules import Exchange
from orchestrator.measure.doctor.finding import SEVERITIES, Finding
from orchestrator.measure.phone.look import asker
from orchestrator.measure.transports.base import Transport, tail

_TIMEOUT_S = 120.0


def examine(
    agent: DeployedAgent, shell: Transport | None = None, *, sudo: bool = False
) -> tuple[DoctorFacts, list[Finding]]:
    """What the doctor saw and what it means. ``shell``: the phone's adb shell, where the agent itself may not ask;
    ``sudo``: root may be asked by ``sudo -n``.

    Raises CommandFailed where the agent does not answer, Unreachable.
    """
    argv = agent.argv("doctor")
    asked_s = time.time()
    done = agent.transport.exec(argv, timeout_s=_TIMEOUT_S)
    exchange = Exchange(asked_s, time.time())
    if not done.ok:
        raise refused(agent.name, agent.root, argv, done)
    try:
        facts = strict_json.from_json(DoctorFacts, json.loads(done.stdout))
    except ValueError as exc:
        raise not_understood(agent.name, argv, done, exc) from exc
    if shell is not None and facts.android is not None:
        facts = _asked_through(shell, facts, facts.android.release)
    if sudo and facts.jetson is not None and facts.jetson.cpu_locked is None:
        facts = _clocks_by_root(agent, facts, facts.jetson)
    return facts, diagnose(facts, exchange, agent.probe, name=agent.name, agent_root=agent.root)


def diagnose(
    facts: DoctorFacts, exchange: Exchange, probe: DeviceProbe, *, name: str, agent_root: str
) -> list[Finding]:
    """Every check, the worst first; within a severity in the order of the families."""
    found = [
        *cpu_rules.rules(facts),
        *heat_rules.rules(facts, agent_root),
        *load_rules.rules(facts, name),
        *phone_rules.rules(facts, termux=probe.context == "termux"),
        *clock_rules.rules(facts, exchange),
        *software_rules.rules(probe),
    ]
    return sorted(_without_conflicts(found), key=lambda finding: SEVERITIES.index(finding.severity))


def _without_conflicts(found: list[Finding]) -> list[Finding]:
    """jetson_clocks stores and restores what the governor's own fix would change."""
    if not any(finding.check == "jetson-clocks" and finding.fix for finding in found):
        return found
    return [replace(f, fix=(), advice="jetson_clocks does it") if f.check == "governor" and f.fix else f for f in found]


def _asked_through(shell: Transport, facts: DoctorFacts, release: int) -> DoctorFacts:
    """The phone's framework asked through its adb shell, which may know what an app may not."""
    refusals: dict[str, str] = {}
    phone = android.read(asker(shell), release, refusals)
    own = {name: why for name, why in facts.absent.items() if name not in android.CHECKS}
    return replace(facts, android=phone, absent={**own, **refusals})


def _clocks_by_root(agent: DeployedAgent, facts: DoctorFacts, jetson: JetsonFacts) -> DoctorFacts:
    """jetson_clocks --show answers root only."""
    done = agent.transport.exec(["sudo", "-n", "jetson_clocks", "--show"])
    try:
        clocks = parse_clocks(done.stdout.decode("utf-8", "replace"))
    except ValueError as exc:
        why = f"sudo -n jetson_clocks --show: {tail(done.stderr) or exc}"
        return replace(facts, absent={**facts.absent, "jetson-clocks": why})
    absent = {name: why for name, why in facts.absent.items() if name != "jetson-clocks"}
    locked = replace(jetson, cpu_locked=clocks.cpu_locked, gpu_locked=clocks.gpu_locked)
    return replace(facts, jetson=locked, absent=absent)
