"""What the tools said word for word (torch 2.13.0, litert-torch 0.10.0), and what is left of it."""

from itertools import pairwise

import pytest

from orchestrator.make.export.torch_faults import torch_fault

LITERT = """Lowering not found: aten._linalg_svd.default

While executing %_linalg_svd : [num_users=1] = call_function[target=torch.ops.aten._linalg_svd.default](args = (%x,))
Original traceback:
File "/usr/lib/python3/dist-packages/torch/nn/modules/module.py", line 1775, in _call_impl
    return forward_call(*args, **kwargs)
File "/home/me/model.py", line 5, in forward
    u=torch.linalg.svdvals(x)
"""
DYNAMO = (
    "Error when translating node %_linalg_svd : [num_users=1] = "
    "call_function[target=torch.ops.aten._linalg_svd.default](args = (%given_0,), kwargs = {}). "
    "See the stack trace for more information."
)
DISPATCH = (
    "No ONNX function found for <OpOverload(op='aten._linalg_svd', overload='default')>. Failure message: No "
    "decompositions registered for the real-valued input"
)
BRANCH = """Could not guard on data-dependent expression Eq(u0, 1) (unhinted: Eq(u0, 1)).  (Size-like symbols: none)

The following call raised this error:
  File "/home/me/model.py", line 9, in forward
    if x.sum()>0: return x+s[:, :1], s
"""


def raised(*messages: str) -> RuntimeError:
    """One error for each message, each the cause of the one before."""
    errors = [RuntimeError(message) for message in messages]
    for error, cause in pairwise(errors):
        error.__cause__ = cause
    return errors[0]


def test_the_torchscript_exporter_says_no_more_than_the_operator() -> None:
    said = "Exporting the operator 'aten::linalg_svdvals' to ONNX opset version 17 is not supported"
    trace = {"linalg_svdvals": 'File "/home/me/model.py", line 5, in forward'}
    fault = torch_fault(raised(said), lambda name: trace[name])
    assert fault.message == "it lacks the operator aten.linalg_svdvals, at /home/me/model.py:5"
    assert fault.hint is not None
    assert "matrix products" in fault.hint


def test_litert_names_operator_node_and_line() -> None:
    fault = torch_fault(raised(LITERT))
    assert fault.message == "it lacks the operator aten._linalg_svd, node _linalg_svd, at /home/me/model.py:5"


def test_the_dynamo_exporter_leaves_the_line_to_the_program() -> None:
    asked = []

    def trace_of(node: str) -> str:
        asked.append(node)
        return 'File "/home/me/model.py", line 7, in forward'

    fault = torch_fault(raised("Failed to convert the exported program", DYNAMO, DISPATCH), trace_of)
    assert fault.message == "it lacks the operator aten._linalg_svd, node _linalg_svd, at /home/me/model.py:7"
    assert asked == ["_linalg_svd"]


def test_a_branch_on_values_is_told_with_its_line() -> None:
    fault = torch_fault(raised("Failed to export the model with torch.export.", BRANCH))
    assert fault.message.startswith("RuntimeError: Could not guard on data-dependent expression")
    assert fault.message.endswith("at /home/me/model.py:9")
    assert fault.hint is not None
    assert "torch.where" in fault.hint


@pytest.mark.parametrize(("message", "kept"), [("", "no message"), ("a\nb", "a"), ("x" * 400, "x" * 300)])
def test_anything_else_keeps_its_first_line(message: str, kept: str) -> None:
    assert torch_fault(raised(message)).message == f"RuntimeError: {kept}"
