"""The stream contract of a foreign ONNX graph, as far as the graph tells it."""

from dataclasses import dataclass, replace
from math import prod

from agents.contract import StatePair, StreamContract, TensorSpec
from orchestrator.errors import BadInput, NotAStream
from orchestrator.make.models.answers import Answers, Finding, Notes, Question, known_size, known_sizes
from orchestrator.make.models.chunking import infer_chunk
from orchestrator.make.models.graph import Dim, Graph, Port
from orchestrator.make.models.pairing import AUDIO_NAMES, Pair, find_pairs, is_audio_name
from orchestrator.make.models.trial import try_contract

_BATCH_NAMES = {"batch", "batch_size", "b", "n", "bs"}
_RATE_NAMES = {"sr", "sample_rate", "sampling_rate", "fs", "rate"}


@dataclass(frozen=True)
class Inference:
    """What was found out about a graph. ``contract`` is None while a question is open."""

    contract: StreamContract | None
    findings: tuple[Finding, ...]
    questions: tuple[Question, ...]


def infer_contract(graph: Graph, model: str, answers: Answers) -> Inference:
    """Infer the contract of ``graph`` and try it: one second of audio is streamed through it.

    Raises NotAStream for a graph without a state pair, with a pair of unequal shapes, or without any other output;
    BadInput for an answer that contradicts the graph.
    """
    notes = Notes()
    pairs = find_pairs(graph, answers.states, answers.input)
    if not pairs:
        raise _no_state(graph)
    audio = _audio_input(graph, pairs, answers, notes)
    outputs = _outputs(graph, pairs)
    if audio is None:
        return Inference(None, tuple(notes.findings), tuple(notes.questions))
    states = _states(pairs, audio, answers, notes)
    constants = _constants(graph, pairs, audio, answers, notes)
    rate_hz = _sample_rate(graph, constants, answers, notes)
    shaped = infer_chunk(audio, rate_hz, answers, notes)
    if notes.questions or rate_hz is None or shaped is None:
        return Inference(None, tuple(notes.findings), tuple(notes.questions))
    chunk_samples, frontend, shape, time_axis = shaped
    draft = StreamContract(
        model=model,
        sample_rate_hz=rate_hz,
        chunk_samples=chunk_samples,
        allowed_chunk_samples=(chunk_samples,),
        frontend=frontend,
        input=TensorSpec(audio.name, shape, audio.dtype),
        states=states,
        outputs=tuple(TensorSpec(o.name, (1,), o.dtype) for o in outputs),
        time_axis=time_axis,
        constants=tuple(TensorSpec(p.name, known_sizes(p, answers), p.dtype) for p in constants),
        constant_values={p.name: constants[p] for p in constants},
    )
    shapes = try_contract(graph.path, draft)
    specs = tuple(replace(o, shape=s) for o, s in zip(draft.outputs, shapes, strict=True))
    for spec in specs:
        notes.found(f"output {spec.name}", spec.shape, "one second of audio was streamed through the graph")
    return Inference(replace(draft, outputs=specs), tuple(notes.findings), ())


def _no_state(graph: Graph) -> NotAStream:
    return NotAStream(
        f"{graph.path.name} has no state pair: inputs {_ports(graph.inputs)}; outputs {_ports(graph.outputs)}",
        hint="a stream needs its memory as inputs and outputs, such as h_in and h_out; "
        "if two of these are one, name them with --state INPUT=OUTPUT",
    )


def _ports(ports: tuple[Port, ...]) -> str:
    return ", ".join(p.describe() for p in ports) or "none"


def _outputs(graph: Graph, pairs: tuple[Pair, ...]) -> list[Port]:
    taken = {p.output.name for p in pairs}
    outputs = [o for o in graph.outputs if o.name not in taken]
    if not outputs:
        raise NotAStream(f"{graph.path.name} has no output beside its state: {_ports(graph.outputs)}")
    return outputs


def _audio_input(graph: Graph, pairs: tuple[Pair, ...], answers: Answers, notes: Notes) -> Port | None:
    if answers.input is not None:
        if answers.input not in graph.inputs_by_name:
            raise BadInput(f"--input {answers.input}: the graph has {', '.join(graph.inputs_by_name)}")
        return graph.inputs_by_name[answers.input]
    taken = {p.input.name for p in pairs} | set(answers.constants)
    rest = [p for p in graph.inputs if p.name not in taken and p.dtype.startswith("float") and p.shape != ()]
    named = [p for p in rest if is_audio_name(p.name)]
    chosen = rest if len(rest) == 1 else named
    if not rest:
        raise NotAStream(
            f"{graph.path.name} has no audio input: every float input is part of a state pair "
            f"({', '.join(f'{p.input.name} -> {p.output.name}' for p in pairs)})",
            hint="name the audio input with --input NAME",
        )
    if len(chosen) != 1:
        notes.ask("audio input", "--input NAME", f"{_ports(tuple(rest))} could each be it")
        return None
    why = "the only float input that is no state" if len(rest) == 1 else f"its name is one of {sorted(AUDIO_NAMES)}"
    notes.found("audio input", chosen[0].describe(), why)
    return chosen[0]


def _states(pairs: tuple[Pair, ...], audio: Port, answers: Answers, notes: Notes) -> tuple[StatePair, ...]:
    batch = audio.shape[0] if audio.shape else None
    states = []
    for pair in pairs:
        shape = _state_shape(pair, batch, answers, notes)
        if shape is not None:
            notes.found(f"state {pair.input.name} -> {pair.output.name}", shape, pair.why)
            states.append(StatePair(pair.input.name, pair.output.name, shape, pair.input.dtype))
    return tuple(states)


def _state_shape(pair: Pair, batch: Dim, answers: Answers, notes: Notes) -> tuple[int, ...] | None:
    port = pair.input
    if port.shape is None:
        raise NotAStream(f"state {port.describe()} of unknown rank", hint="export the graph with shapes")
    unknown = [a for a, d in enumerate(port.shape) if d is None]
    shape: list[int | None] = []
    for axis, dim in enumerate(port.shape):
        size = known_size(port, axis, answers)
        other = pair.output.shape[axis] if pair.output.shape is not None else None
        if size is None and isinstance(other, int):
            size = other
        one_stream = (isinstance(dim, str) and (dim == batch or dim.lower() in _BATCH_NAMES)) or unknown == [axis]
        if size is None and one_stream:
            size = 1
        if size is None:
            name = dim if isinstance(dim, str) else f"{port.name}.{axis}"
            notes.ask(f"size of {name} in state {port.describe()}", f"--dim {name}=VALUE", "a state has a fixed size")
        shape.append(size)
    return None if None in shape else tuple(d for d in shape if d is not None)


def _constants(graph: Graph, pairs: tuple[Pair, ...], audio: Port, answers: Answers, notes: Notes) -> dict[Port, float]:
    taken = {p.input.name for p in pairs} | {audio.name}
    rest = [p for p in graph.inputs if p.name not in taken]
    unknown = sorted(set(answers.constants) - {p.name for p in rest})
    if unknown:
        raise BadInput(f"--constant {unknown[0]}: the graph's other inputs are {_ports(tuple(rest))}")
    constants = {}
    for port in rest:
        if port.name in answers.constants:
            constants[port] = float(answers.constants[port.name])
            notes.found(f"constant {port.name}", constants[port], "--constant")
        elif port.name in _RATE_NAMES and answers.sample_rate_hz is not None:
            constants[port] = float(answers.sample_rate_hz)
            notes.found(f"constant {port.name}", answers.sample_rate_hz, "its name, and --sample-rate")
        elif prod(known_sizes(port, answers)) == 1 and port.name in _RATE_NAMES:
            notes.ask(f"input {port.describe()}", f"--constant {port.name}=16000", "it looks like the sample rate")
        else:
            flags = f"--constant {port.name}=VALUE or --state {port.name}=OUTPUT"
            notes.ask(f"input {port.describe()}", flags, "no output is its next value")
    return constants


def _sample_rate(graph: Graph, constants: dict[Port, float], answers: Answers, notes: Notes) -> int | None:
    if answers.sample_rate_hz is not None:
        return answers.sample_rate_hz
    for port, value in constants.items():
        if port.name in _RATE_NAMES and value > 0:
            notes.found("sample rate", f"{value:.0f} Hz", f"constant {port.name}")
            return int(value)
    for key in ("sample_rate", "sampling_rate"):
        if graph.metadata.get(key, "").isdigit():
            notes.found("sample rate", f"{graph.metadata[key]} Hz", f"the file's metadata {key}")
            return int(graph.metadata[key])
    notes.ask("sample rate", "--sample-rate HZ", "nothing in the graph states it")
    return None
