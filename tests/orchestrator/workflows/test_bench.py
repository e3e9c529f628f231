"""A candidate as it is typed for a comparison."""

import pytest

from orchestrator.errors import BadInput
from orchestrator.workflows.bench import Choice
from orchestrator.workflows.held import Wish


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("onnx:fp32@threads=1,ep=CPU", Wish()),
        ("onnx:fp32@threads=2,ep=CPU,cluster=big", Wish("big")),
        ("onnx:fp32@threads=1,ep=XNNPACK,cpus=4-5+7", Wish(cpus=(4, 5, 7))),
    ],
)
def test_a_choice_reads_what_it_writes(text: str, held: Wish) -> None:
    choice = Choice.parse(text)
    assert choice.held == held
    assert str(choice) == text


@pytest.mark.parametrize("text", ["onnx:fp32@core=1", "onnx:fp32@threads=0", "onnx:fp32@cpus=x", "onnx:fp32@ep="])
def test_what_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        Choice.parse(text)


def test_a_cluster_and_cpus_are_one_too_many() -> None:
    with pytest.raises(BadInput, match="both given"):
        Choice.parse("onnx:fp32@cluster=big,cpus=1")
