from pathlib import Path

import pytest

from orchestrator.errors import BadInput, NotAStream
from orchestrator.make.models.graph import Dim, Graph, Port
from orchestrator.make.models.pairing import find_pairs

Signature = dict[str, tuple[Dim, ...]]
AUDIO: Signature = {"frames": (1, "T", 40)}
OUT: Signature = {"logits": (1, "T", 12)}


def graph(inputs: Signature, outputs: Signature) -> Graph:
    ports = [tuple(Port(n, "float32", s) for n, s in side.items()) for side in (inputs, outputs)]
    return Graph(Path("m.onnx"), "0" * 64, 17, ports[0], ports[1], {}, {})


def pairs(inputs: Signature, outputs: Signature, audio: str | None = None, **told: str) -> dict[str, str]:
    found = find_pairs(graph({**AUDIO, **inputs}, {**OUT, **outputs}), told, audio)
    return {p.input.name: p.output.name for p in found}


@pytest.mark.parametrize(
    ("one", "next_one"),
    [
        ("h_in", "h_out"),
        ("state", "stateN"),
        ("h", "hn"),
        ("h_0", "h_n"),
        ("h0", "hn"),
        ("cache_last_channel", "cache_last_channel_next"),
        ("cached_len_0", "new_cached_len_0"),
        ("conv_cache.3.in", "conv_cache.3.out"),
        ("prev_state", "next_state"),
        ("past_key_values.0.key", "present.0.key"),
        ("stateIn", "stateOut"),
        ("in_cache12", "out_cache12"),
    ],
)
def test_name_conventions(one: str, next_one: str) -> None:
    # Equal shapes on both, so that only the name can tell them apart.
    shape = (1, 4, 8)
    inputs = {one: shape, "zzz_in": shape}
    outputs = {"zzz_out": shape, next_one: shape}
    assert pairs(inputs, outputs) == {one: next_one, "zzz_in": "zzz_out"}


def test_numbered_states_keep_their_numbers() -> None:
    names = [f"cache_{i}" for i in range(12)]
    outputs = {f"{n}_next": (1, 4, 2) for n in reversed(names)}
    assert pairs(dict.fromkeys(names, (1, 4, 2)), outputs) == {n: f"{n}_next" for n in names}


def test_by_shape_where_names_say_nothing() -> None:
    assert pairs({"a": (1, 2), "b": (3, 4)}, {"onnx::1": (3, 4), "onnx::2": (1, 2)}) == {"a": "onnx::2", "b": "onnx::1"}


def test_two_of_one_shape_are_not_guessed() -> None:
    assert pairs({"a": (1, 2), "b": (1, 2)}, {"y": (1, 2), "z": (1, 2)}) == {}


def test_an_enhancers_audio_is_no_state() -> None:
    found = find_pairs(
        graph({"audio_in": (1, "T"), "h_in": (1, 8)}, {"audio_out": (1, "T"), "h_out": (1, 8)}), {}, None
    )
    assert [p.input.name for p in found] == ["h_in"]


def test_odd_audio_name_that_grows_with_the_chunk_is_released() -> None:
    found = find_pairs(graph({"blah_in": (1, "T"), "h_in": (1, 8)}, {"blah_out": (1, "T"), "h_out": (1, 8)}), {}, None)
    assert [p.input.name for p in found] == ["h_in"]


def test_told_pairs_come_first_and_must_exist() -> None:
    assert pairs({"a": (1, 2), "b": (1, 2)}, {"y": (1, 2), "z": (1, 2)}, a="z") == {"a": "z", "b": "y"}
    with pytest.raises(BadInput, match="the graph has no 'w'"):
        pairs({"a": (1, 2)}, {"y": (1, 2)}, a="w")


def test_unequal_shapes_are_refused_with_both() -> None:
    with pytest.raises(NotAStream, match=r"h_in float32 \(1, 4, 8\) does not fit its output h_out float32 \(1, 5, 8\)"):
        pairs({"h_in": (1, 4, 8)}, {"h_out": (1, 5, 8)})
    with pytest.raises(NotAStream, match="does not fit"):
        pairs({"a": (1, 2)}, {"y": (2, 1)}, a="y")
