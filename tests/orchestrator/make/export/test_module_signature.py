from dataclasses import replace

from agents.contract import Frontend, StatePair, StepContract, TensorSpec
from orchestrator.make.export.module_signature import main_signature, may_be_free, step_signature
from orchestrator.make.models import reference

DIGITS = reference.load_contract("digits-lstm")


def test_a_free_axis_counts_in_what_all_chunks_share() -> None:
    signature = main_signature(DIGITS, free=True)
    assert signature.free is not None
    assert (signature.free.axis, signature.free.unit) == (1, 2), "chunks of 2, 4 and 8 frames"
    assert signature.inputs["frames"].shape == (1, 8, 40), "the longest: an axis of 1 would be taken for a constant"
    assert signature.free_inputs == ("frames",)
    assert list(signature.inputs) == ["frames", "h_in", "c_in"]
    assert signature.output_names == ("logits", "h_out", "c_out")


def test_a_fixed_one_has_the_contracts_own_chunk() -> None:
    signature = main_signature(DIGITS, free=False)
    assert signature.free is None
    assert signature.inputs["frames"].shape == DIGITS.input.shape


def test_states_begin_as_the_contract_says_and_constants_come_last() -> None:
    states = (StatePair("h_in", "h_out", (1, 3), initial=0.5),)
    rate = TensorSpec("rate", (1,), "int64")
    made = replace(DIGITS, states=states, constants=(rate,), constant_values={"rate": 8.0})
    inputs = main_signature(made, free=True).inputs
    assert list(inputs) == ["frames", "h_in", "rate"]
    assert inputs["h_in"].tolist() == [[0.5] * 3]
    assert (inputs["rate"].dtype.name, inputs["rate"].tolist()) == ("int64", [8])


def test_only_chunks_that_share_no_audio_may_have_any_length() -> None:
    assert may_be_free(DIGITS)
    with_context = replace(
        DIGITS, frontend=Frontend("pcm", context_samples=64), input=TensorSpec("x", (1, 384)), states=()
    )
    assert not may_be_free(with_context)
    one_at_a_time = replace(
        DIGITS, chunk_samples=160, allowed_chunk_samples=(160,), input=TensorSpec("frames", (1, 1, 40))
    )
    assert not may_be_free(one_at_a_time)


def test_a_step_graph_is_free_in_its_hypotheses() -> None:
    step = StepContract(
        token=TensorSpec("token", (1,), "int32"),
        frame=TensorSpec("frame", (1, 5)),
        states=(StatePair("h_in", "h_out", (1, 4)),),
        logits=TensorSpec("logits", (1, 7)),
    )
    signature = step_signature(step)
    assert {name: array.shape for name, array in signature.inputs.items()} == {
        "token": (2,),
        "frame": (2, 5),
        "h_in": (2, 4),
    }
    assert signature.free_inputs == ("token", "frame", "h_in")
    assert signature.states_out == {"h_out": None}
