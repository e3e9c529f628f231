"""Which output of a graph is which input's next value: by name first, then by shape.

Conventions met in the wild: ``h_in``/``h_out``, ``state``/``stateN``, ``cache_x``/``cache_x_next``,
``cached_x``/``new_cached_x``, ``h0``/``hn``, ``past_key_values.0.key``/``present.0.key``.
"""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from orchestrator.errors import BadInput, NotAStream
from orchestrator.make.models.graph import Graph, Port

# Words that tell the two ends of a state apart and are not part of its name.
_END_WORDS = {"in", "out", "prev", "previous", "old", "past", "init", "initial", "next", "new", "updated", "present"}
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")

# Base names of what is heard, not remembered. ``audio_in``/``audio_out`` of an enhancer is no state.
AUDIO_NAMES = {
    *(
        "input",
        "inputs",
        "audio",
        "wav",
        "waveform",
        "x",
        "signal",
        "samples",
        "pcm",
        "speech",
        "mix",
        "noisy",
        "chunk",
    ),
    *("frames", "frame", "feats", "feat", "features", "mel", "mels", "fbank", "spec", "spectrogram", "data", "chunk"),
}


@dataclass(frozen=True)
class Pair:
    """``input`` is fed what ``output`` gave one chunk before. ``why``: how they were found."""

    input: Port
    output: Port
    why: str


def find_pairs(graph: Graph, told: dict[str, str], audio: str | None) -> tuple[Pair, ...]:
    """The state pairs of ``graph``, in the order of its inputs. ``told`` maps input to output and comes first.

    Raises BadInput for a told name that the graph lacks and NotAStream for a pair whose ends cannot be one state.
    """
    pairs = [_told_pair(graph, i, o) for i, o in told.items()]
    for key, why in ((_end_words_off, "their names"), (_zero_and_n_off, "their names (0 and N)")):
        pairs += _pairs_by_name(graph, pairs, audio, key, why)
    pairs = _release_audio(graph, pairs, told, audio)
    for pair in pairs:
        _check(graph, pair)
    pairs += _pairs_by_shape(graph, pairs, audio)
    order = {p.name: i for i, p in enumerate(graph.inputs)}
    return tuple(sorted(pairs, key=lambda p: order[p.input.name]))


def base_name(name: str) -> str:
    """``new_cached_len.0`` -> ``cached len 0``: a state's name without the words that tell its two ends apart."""
    words = [w.lower() for w in _WORD.findall(name.replace("past_key_values", "past"))]
    kept = [w for w in words if w not in _END_WORDS]
    return " ".join(kept)


def is_audio_name(name: str) -> bool:
    return base_name(name) in AUDIO_NAMES


def compatible(one: Port, other: Port) -> bool:
    """Whether both may be the same tensor: same dtype, same rank, and no two numbers that differ."""
    if one.dtype != other.dtype:
        return False
    if one.shape is None or other.shape is None:
        return True
    sizes = zip(one.shape, other.shape, strict=False)
    return len(one.shape) == len(other.shape) and all(a == b for a, b in sizes if type(a) is type(b) is int)


def _end_words_off(name: str, is_output: bool) -> str:
    return base_name(name)


def _zero_and_n_off(name: str, is_output: bool) -> str:
    """``stateN``, ``hn`` and ``h_n`` -> ``state``, ``h``; ``h0`` -> ``h``."""
    ending = r"(?<=[a-z0-9])_?N$|(?<=[A-Za-z])_?n$" if is_output else r"_?0$"
    return base_name(re.sub(ending, "", name))


def _told_pair(graph: Graph, input_name: str, output_name: str) -> Pair:
    for name, known in ((input_name, graph.inputs_by_name), (output_name, graph.outputs_by_name)):
        if name not in known:
            raise BadInput(f"--state {input_name}={output_name}: the graph has no {name!r}; it has {', '.join(known)}")
    return Pair(graph.inputs_by_name[input_name], graph.outputs_by_name[output_name], "--state")


def _unpaired(graph: Graph, pairs: list[Pair], audio: str | None) -> tuple[list[Port], list[Port]]:
    used = {p.input.name for p in pairs} | {p.output.name for p in pairs}
    inputs = [p for p in graph.inputs if p.name not in used and p.name != audio and not is_audio_name(p.name)]
    return inputs, [p for p in graph.outputs if p.name not in used]


def _pairs_by_name(
    graph: Graph, pairs: list[Pair], audio: str | None, key: Callable[[str, bool], str], why: str
) -> list[Pair]:
    inputs, outputs = _unpaired(graph, pairs, audio)
    input_keys = Counter(key(p.name, False) for p in inputs)
    by_key: dict[str, list[Port]] = {}
    for port in outputs:
        by_key.setdefault(key(port.name, True), []).append(port)
    found = []
    for port in inputs:
        name = key(port.name, False)
        matches = by_key.get(name, [])
        if name and input_keys[name] == 1 and len(matches) == 1:
            found.append(Pair(port, matches[0], why))
    return found


def _release_audio(graph: Graph, pairs: list[Pair], told: dict[str, str], audio: str | None) -> list[Pair]:
    """Where every float input was paired, the one pair that grows with the chunk is input and output, not state."""
    paired = {p.input.name for p in pairs}
    if audio or any(p.name not in paired and p.dtype.startswith("float") for p in graph.inputs):
        return pairs
    growing = [p for p in pairs if p.input.name not in told and _grows(p.input) and _grows(p.output)]
    return [p for p in pairs if p is not growing[0]] if len(growing) == 1 else pairs


def _grows(port: Port) -> bool:
    return port.shape is not None and any(not isinstance(d, int) for d in port.shape[1:])


def _pairs_by_shape(graph: Graph, pairs: list[Pair], audio: str | None) -> list[Pair]:
    inputs, outputs = _unpaired(graph, pairs, audio)
    inputs, outputs = ([p for p in ports if p.shape and not _grows(p)] for ports in (inputs, outputs))
    alike = [(i, o) for i in inputs for o in outputs if compatible(i, o) and i.shape == o.shape]
    input_uses = Counter(i.name for i, _ in alike)
    output_uses = Counter(o.name for _, o in alike)
    return [
        Pair(i, o, "the only ones of this shape and dtype")
        for i, o in alike
        if input_uses[i.name] == 1 and output_uses[o.name] == 1
    ]


def _check(graph: Graph, pair: Pair) -> None:
    if not compatible(pair.input, pair.output):
        raise NotAStream(
            f"{graph.path.name}: state {pair.input.describe()} does not fit its output {pair.output.describe()}",
            hint="a state must leave the graph with the shape and dtype it came in with; "
            "name the right output with --state INPUT=OUTPUT, or export the graph with a cache of fixed size",
        )
