"""Runs the model of this bundle on a stream of audio, with the configuration that won on the device.

    python earshot_stream.py [AUDIO.wav]

Reads contract.json (what the graph takes and gives) and recommendation.json (how to run it) of the bundle, two folders
up. Needs numpy, and onnxruntime or ai-edge-litert. As a module:

    stream = Stream.open(bundle)
    for samples in microphone:  # int16, mono, at stream.sample_rate_hz
        for event in stream.push(samples):
            print(event.time_s, event.label)
"""

import hashlib
import json
import sys
import wave
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]
# Label, index of the output frame in the stream, score.
Heard = tuple[str, int, float]


@dataclass(frozen=True)
class Event:
    """``time_s``: since the start of the stream, the end of the output frame that said so."""

    label: str
    time_s: float
    score: float


class LogMel:
    """Frame t covers the window that ends at sample (t + 1) * hop, zeros before the start."""

    def __init__(self, spec: dict[str, Any], rate_hz: int) -> None:
        self.spec = spec
        self.heard = np.zeros(spec["window_samples"])
        self.hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(len(self.heard)) / len(self.heard))
        low, high = (2595 * np.log10(1 + spec[end] / 700) for end in ("low_hz", "high_hz"))
        edges = 700 * (10 ** (np.linspace(low, high, spec["mel_count"] + 2) / 2595) - 1)
        bins = np.arange(spec["fft_size"] // 2 + 1)[:, None] * rate_hz / spec["fft_size"]
        rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
        falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
        self.filters = np.maximum(0, np.minimum(rising, falling))

    def push(self, samples: NDArray[Any]) -> NDArray[Any]:
        hop = self.spec["hop_samples"]
        frames = []
        for start in range(0, len(samples), hop):
            self.heard = np.concatenate([self.heard[hop:], samples[start : start + hop] / 32768])
            spectrum = np.fft.rfft(self.heard * self.hann, self.spec["fft_size"])
            mel = (spectrum.real**2 + spectrum.imag**2) @ self.filters
            frames.append(np.log(np.maximum(mel, self.spec["log_floor"])))
        return np.array(frames)


class Pcm:
    """Samples in [-1, 1], after the last ones of the chunk before."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.context = np.zeros(spec["context_samples"])

    def push(self, samples: NDArray[Any]) -> NDArray[Any]:
        out = np.concatenate([self.context, samples / 32768])
        self.context = out[len(out) - len(self.context) :]
        return out


class Decoder(Protocol):
    """Takes the graph's first output, frames of logits."""

    def __init__(self, spec: dict[str, Any]) -> None: ...

    def push(self, logits: NDArray[Any]) -> list[Heard]: ...


class Keywords:
    """Posteriors averaged over the last frames; a label fires where its average reaches the threshold."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.spec = spec
        self.last: deque[NDArray[Any]] = deque(maxlen=spec["smooth_frames"])
        self.quiet_until: dict[str, int] = {}
        self.frame = 0

    def push(self, logits: NDArray[Any]) -> list[Heard]:
        found = []
        for row in logits:
            posterior = np.exp(row - row.max())
            self.last.append(posterior / posterior.sum())
            smoothed = sum(self.last) / self.spec["smooth_frames"]
            for label, score in zip(self.spec["labels"], smoothed, strict=True):
                fires = label not in self.spec["ignored"] and score >= self.spec["threshold"]
                if fires and self.frame >= self.quiet_until.get(label, 0):
                    self.quiet_until[label] = self.frame + self.spec["refractory_frames"]
                    found.append((label, self.frame, float(score)))
            self.frame += 1
        return found


class GreedyCtc:
    """The best class of each frame, repeats merged, blanks dropped."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.spec = spec
        self.last = spec["blank"]
        self.frame = 0

    def push(self, logits: NDArray[Any]) -> list[Heard]:
        found = []
        for row in logits:
            best = int(row.argmax())
            if best not in (self.last, self.spec["blank"]):
                found.append((self.spec["labels"][best], self.frame, float(1 / np.exp(row - row[best]).sum())))
            self.last = best
            self.frame += 1
        return found


class Nothing:
    """For a model whose output is not events: read ``Stream.outputs``."""

    def __init__(self, spec: dict[str, Any]) -> None:
        pass

    def push(self, logits: NDArray[Any]) -> list[Heard]:
        return []


class Graph(Protocol):
    """A loaded model: inputs by name to outputs by name."""

    def run(self, inputs: Arrays) -> Arrays: ...


class OnnxRuntimeGraph:
    """Loaded by ONNX Runtime with the provider, the threads and the options that were measured."""

    def __init__(self, path: Path, configuration: dict[str, Any]) -> None:
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = configuration["threads"], 1
        for name, text in configuration["session_options"].items():
            if name == "graph_optimization_level":
                level = {"disable": "DISABLE_ALL"}.get(text, f"ENABLE_{text.upper()}")
                options.graph_optimization_level = getattr(ort.GraphOptimizationLevel, f"ORT_{level}")
            elif name == "execution_mode":
                options.execution_mode = getattr(ort.ExecutionMode, f"ORT_{text.upper()}")
            elif name in ("enable_cpu_mem_arena", "enable_mem_pattern"):
                setattr(options, name, text in ("1", "true"))
            elif name == "allow_spinning":
                options.add_session_config_entry("session.intra_op.allow_spinning", str(int(text in ("1", "true"))))
            elif name.startswith("session."):
                options.add_session_config_entry(name, text)
        own = {n[3:]: text for n, text in configuration["session_options"].items() if n.startswith("ep.")}
        provider = configuration["execution_provider"]
        self.session = ort.InferenceSession(str(path), options, providers=[(provider, own)])
        if self.session.get_providers()[0] != provider:
            raise RuntimeError(f"{provider} is not to be had here: {self.session.get_providers()}")
        self.outputs = [o.name for o in self.session.get_outputs()]

    def run(self, inputs: Arrays) -> Arrays:
        return dict(zip(self.outputs, self.session.run(self.outputs, inputs), strict=True))


class LiteRtGraph:
    """Loaded by LiteRT; the signature has the names of the contract."""

    def __init__(self, path: Path, configuration: dict[str, Any]) -> None:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        own = {"experimental_op_resolver_type": OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES}
        kernels = own if configuration["execution_provider"] == "CPU" else {}
        interpreter = Interpreter(str(path), num_threads=configuration["threads"], **kernels)
        self.runner = interpreter.get_signature_runner()

    def run(self, inputs: Arrays) -> Arrays:
        return {name: np.array(values) for name, values in self.runner(**inputs).items()}


class Stream:
    """One stream of audio through the model. Make another one for another stream."""

    def __init__(self, contract: dict[str, Any], configuration: dict[str, Any], graph: Graph) -> None:
        self.contract, self.graph = contract, graph
        self.sample_rate_hz: int = contract["sample_rate_hz"]
        self.chunk_samples: int = configuration["chunk_samples"]
        frontend, decoder = contract["frontend"], contract["decoder"]
        self.frontend = LogMel(frontend, self.sample_rate_hz) if frontend["kind"] == "log-mel" else Pcm(frontend)
        kinds: dict[str, type[Decoder]] = {"keyword": Keywords, "ctc": GreedyCtc, "none": Nothing}
        self.decoder = kinds[decoder["kind"]](decoder)
        values = contract["constant_values"]
        self.fixed = {c["name"]: np.full(c["shape"], values[c["name"]], c["dtype"]) for c in contract["constants"]}
        self.state = {s["input"]: np.full(s["shape"], s["initial"], s["dtype"]) for s in contract["states"]}
        self.waiting = np.zeros(0, np.int16)
        self.chunks = 0
        self.outputs: Arrays = {}

    @classmethod
    def open(cls, bundle: Path) -> "Stream":
        """From a bundle's folder. Raises ValueError for a file that is not the one in its manifest."""
        for name, known in json.loads((bundle / "manifest.json").read_text())["files"].items():
            if hashlib.sha256((bundle / name).read_bytes()).hexdigest() != known["sha256"]:
                raise ValueError(f"{bundle / name} is not the file that the manifest names")
        contract = json.loads((bundle / "contract.json").read_text())
        recommendation = json.loads((bundle / "recommendation.json").read_text())
        configuration = recommendation["configuration"]
        loaders: dict[str, Callable[[Path, dict[str, Any]], Graph]]
        loaders = {"onnxruntime": OnnxRuntimeGraph, "litert": LiteRtGraph}
        load = loaders[configuration["runtime"]]
        return cls(contract, configuration, load(bundle / recommendation["file"]["name"], configuration))

    def push(self, samples: NDArray[Any]) -> list[Event]:
        """Take int16 samples, as many as there are, and tell what was heard by now."""
        self.waiting = np.concatenate([self.waiting, samples])
        found: list[Event] = []
        while len(self.waiting) >= self.chunk_samples:
            chunk, self.waiting = self.waiting[: self.chunk_samples], self.waiting[self.chunk_samples :]
            found += self._step(chunk)
        return found

    def _step(self, chunk: NDArray[Any]) -> list[Event]:
        spec = self.contract["input"]
        shape = [-1 if axis == self.contract["time_axis"] else size for axis, size in enumerate(spec["shape"])]
        features = self.frontend.push(chunk).reshape(shape).astype(spec["dtype"])
        self.outputs = self.graph.run({spec["name"]: features, **self.state, **self.fixed})
        # The loop that the client owns: what came out is what goes in with the next chunk.
        self.state = {s["input"]: self.outputs[s["output"]] for s in self.contract["states"]}
        logits = self.outputs[self.contract["outputs"][0]["name"]]
        rows = logits.reshape(-1, logits.shape[-1])
        frame_s = self.chunk_samples / self.sample_rate_hz / len(rows)
        self.chunks += 1
        return [Event(label, (frame + 1) * frame_s, score) for label, frame, score in self.decoder.push(rows)]


def main() -> None:
    stream = Stream.open(Path(__file__).resolve().parents[2])
    if len(sys.argv) < 2:
        sys.exit(f"usage: {sys.argv[0]} AUDIO.wav   (mono, 16 bit, {stream.sample_rate_hz} Hz)")
    with wave.open(sys.argv[1]) as audio:
        form = (audio.getnchannels(), audio.getsampwidth(), audio.getframerate())
        if form != (1, 2, stream.sample_rate_hz):
            sys.exit(f"{sys.argv[1]} must be mono, 16 bit, {stream.sample_rate_hz} Hz")
        while data := audio.readframes(stream.chunk_samples):
            for event in stream.push(np.frombuffer(data, np.int16)):
                print(f"{event.time_s:8.2f} s  {event.label}  {event.score:.2f}")


if __name__ == "__main__":
    main()
