"""``earshot run --mode placement``: which provider ran which node."""

import json
from pathlib import Path

import pytest

from agents import wire
from orchestrator.cli.run_placement import print_placement
from tests.orchestrator.cli.command import BAD_INPUT, assert_refused, earshot
from tests.sessions import CPU, candidate, session


def test_it_tells_nodes_operators_and_the_build(results: Path, tmp_path: Path) -> None:
    asked = ["run", "mini", "--mode", "placement", "--results", str(results)]
    done = earshot(*asked, "--option", "allow_spinning=0", "--json", home=tmp_path)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["asked_for"], said["fell_back"], said["emulated"]) == ("CPUExecutionProvider", None, None)
    assert said["runtime"]["build"].startswith("onnxruntime ")
    (cpu,) = said["placement"]
    assert cpu["nodes"] == len(said["operators"])
    assert {o["calls"] for o in said["operators"]} == {51}, "a second of audio in chunks of 20 ms, and the cold one"
    assert sum(o["share"] for o in said["operators"]) > 0.999


def test_an_option_that_the_provider_has_not_is_refused_with_those_that_it_has(results: Path, tmp_path: Path) -> None:
    asked = ["run", "mini", "--mode", "placement", "--option", "ep.precision=FP16", "--results", str(results)]
    done = earshot(*asked, home=tmp_path)
    assert_refused(done, BAD_INPUT, "CPUExecutionProvider has no option ep.precision", then="docs/reference/providers")


def test_what_fell_back_is_labelled_and_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    npu = "NpuExecutionProvider"
    ran = session(
        candidate(provider=npu),
        "placement",
        placement=(wire.ProviderShare(CPU, 50, 1.0, ("Conv",), 47),),
        fallback="the CPU took 47 of 47 nodes (Conv x 15); Cannot get shape",
        operators=(wire.OperatorTime("Conv", "conv1", CPU, 51, 900.0, 1.0),),
        parity=wire.DeviceParity(CPU, 50, 0.0),
        emulated="a simulator",
    )
    print_placement(ran)
    said = " ".join(capsys.readouterr().out.split())
    assert f"fell back {npu} ran no node, {CPU} ran the model (the CPU took 47 of 47 nodes" in said
    assert "same as the CPU bit for bit over 50 chunks" in said
    assert "emulated a simulator; its times say nothing about a device" in said
    assert f"Conv conv1 {CPU} 51 900 100.0 %" in said
