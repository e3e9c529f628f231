"""What is checked of a program before ExecuTorch sees it, and what its times become. Running one: tests/export."""

import sys
from dataclasses import replace
from typing import Any

import pytest

from agents.backends import load_backend
from agents.backends.executorch_delegates import providers, require_provider
from agents.backends.executorch_load import api_of
from agents.backends.executorch_signature import check_tensors, step_tensors, stream_tensors
from agents.backends.executorch_times import Timed, assigned, operators
from agents.contract import StatePair, StepContract, TensorSpec
from agents.failure import Failure
from agents.pte_file import PteInstruction, PteProgram, PteTensor
from tests.agents.device import CHUNK, contract

X, STATE = PteTensor("float32", (1, CHUNK)), PteTensor("float32", (1, 8))
PROGRAM = PteProgram(
    "forward",
    (X, STATE),
    (STATE, STATE),
    ("XnnpackBackend",),
    ("aten::mean.out",),
    (PteInstruction(operator="aten::mean.out"), PteInstruction(backend="XnnpackBackend")),
)


def test_a_program_that_fits_passes() -> None:
    check_tensors(PROGRAM, *stream_tensors(contract(), CHUNK))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"inputs": (X,)}, r"has 1 inputs, the contract says 2 \(x, state_in\)"),
        ({"inputs": (PteTensor("float16", (1, CHUNK)), STATE)}, r"input 0 \(x\) is float16 in the program"),
        ({"inputs": (PteTensor("float32", (1, 320)), STATE)}, r"input 0 \(x\) has shape \[1, 320\]"),
        ({"outputs": (STATE, PteTensor("float32", (2, 8)))}, r"output 1 \(state_out\) has shape \[2, 8\]"),
    ],
)
def test_the_first_difference_is_named(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(Failure, match=why) as caught:
        check_tensors(replace(PROGRAM, **changes), *stream_tensors(contract(), CHUNK))
    assert caught.value.kind == "contract-mismatch"


def test_a_step_graph_has_its_input_first_and_the_whole_batch() -> None:
    step = StepContract(
        TensorSpec("token", (1,), "int64"),
        TensorSpec("frame", (1, 16)),
        (StatePair("h", "h_out", (1, 4)),),
        TensorSpec("logits", (1, 11)),
        batch=4,
    )
    inputs, outputs = step_tensors(step)
    assert inputs == [("frame", "float32", (4, 16)), ("h", "float32", (4, 4)), ("token", "int64", (4,))]
    assert outputs == [("logits", "float32", (4, 11)), ("h_out", "float32", (4, 4))]


@pytest.mark.parametrize(
    ("provider", "backends", "kind", "why"),
    [
        ("XNNPACK", ("NeverBackend",), "model-load", "delegates to 'NeverBackend', and this build .* XnnpackBackend"),
        ("XNNPACK", (), "provider-missing", "XNNPACK was asked for, but the program was exported for Portable"),
        ("Portable", ("XnnpackBackend",), "provider-missing", "Portable was asked for, .* exported for XNNPACK"),
        ("CUDA", (), "provider-missing", "executorch has no provider 'CUDA'; known are XNNPACK, Portable"),
    ],
)
def test_who_runs_a_program_cannot_be_changed(provider: str, backends: tuple[str, ...], kind: str, why: str) -> None:
    with pytest.raises(Failure, match=why) as caught:
        require_provider(provider, backends, ("XnnpackBackend",))
    assert caught.value.kind == kind


def test_providers_name_all_who_run_anything() -> None:
    require_provider("XNNPACK", PROGRAM.backends, PROGRAM.backends)
    assert providers("XNNPACK", PROGRAM.backends, PROGRAM.operators) == ("XNNPACK", "Portable")
    assert providers("XNNPACK", PROGRAM.backends, ()) == ("XNNPACK",)


@pytest.mark.parametrize(
    ("options", "why"),
    [({"threads": "2"}, "unknown session option 'threads' of executorch"), ({"through": "jni"}, "runner, python")],
)
def test_options_are_checked(options: dict[str, str], why: str) -> None:
    with pytest.raises(Failure, match=why):
        api_of(options)


def test_what_to_install_is_told_where_neither_way_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("earshot_executorch_runner", "torch", "agents.backends.executorch"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "agents.backends.executorch")
    with pytest.raises(Failure, match="earshot-executorch-runner") as caught:
        load_backend("executorch")
    assert caught.value.kind == "runtime-missing"


def test_times_become_nodes_of_who_ran_them() -> None:
    found = [
        Timed("DELEGATE_CALL", 1, None, 2, 9e3),
        Timed("Fully Connected (NC, F32) GEMM #2", 1, 0, 2, 6e3),
        Timed("OPERATOR_CALL", 0, None, 2, 3e3),
        Timed("native_call_mean.out", 0, None, 2, 2e3),
    ]
    product, rest, mean = operators(found, PROGRAM)
    assert (product.op, product.provider, product.time_us) == ("Fully Connected (NC, F32) GEMM", "XNNPACK", 6.0)
    assert (rest.op, rest.node, rest.provider, rest.time_us) == ("delegate", "1 XNNPACK", "XNNPACK", 3.0)
    assert (mean.op, mean.node, mean.provider, mean.share) == ("mean.out", "0 mean.out", "Portable", 2 / 11)
    assert dict(assigned(PROGRAM)) == {"Portable": 1, "XNNPACK": 1}


def test_a_delegate_that_tells_nothing_is_one_node() -> None:
    (node,) = operators([Timed("DELEGATE_CALL", 1, None, 3, 9e3)], PROGRAM)
    assert (node.op, node.provider, node.calls) == ("delegate", "XNNPACK", 3)
