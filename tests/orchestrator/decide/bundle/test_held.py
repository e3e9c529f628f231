"""A winner that was held to CPUs says so in its bundle."""

import json
from dataclasses import replace
from pathlib import Path

from orchestrator.decide.bundle.bundle import write_bundle
from tests import sessions
from tests.orchestrator.decide.bundle.bundles import decision_of


def test_the_cpus_of_the_winner_are_in_its_configuration(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"bytes")
    held = replace(sessions.candidate(), affinity=(4, 5), cluster="big")
    artifact = replace(sessions.artifact(), path=path)
    folder = write_bundle(tmp_path / "bundles", decision_of(held), [artifact], [sessions.session(held)])
    configuration = json.loads((folder / "recommendation.json").read_text())["configuration"]
    assert (configuration["cpu_affinity"], configuration["cluster"]) == ([4, 5], "big")
    assert configuration["label"] == "onnx:fp32 CPU 1t on big (4-5)"
    support = json.loads((folder / "device_support.json").read_text())
    assert support["configurations"][held.key]["cpu_affinity"] == [4, 5]
