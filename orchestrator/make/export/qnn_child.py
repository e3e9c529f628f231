"""One QNN context: a JSON request on stdin, a JSON answer on stdout. Needs onnxruntime-qnn."""

import json
import os
import sys
import time
from typing import Any

import numpy as np
import onnx
import onnxruntime
import onnxruntime_qnn

from agents import providers
from orchestrator.make.export.child import end_with_parent

_QNN = "QNNExecutionProvider"
_ERRORS_ONLY = 3
# A second each in the simulator.
_CHUNKS = 4
_TYPES = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
}


def main() -> dict[str, Any]:
    asked = json.loads(sys.stdin.read())
    onnxruntime.register_execution_provider_library(_QNN, onnxruntime_qnn.get_library_path())
    options = {**providers.known(_QNN).defaults, **asked["options"]}
    _compile(asked["graph"], asked["made"], options)
    nodes = onnx.load(asked["made"]).graph.node
    contexts = [node for node in nodes if node.op_type == "EPContext"]
    if not contexts:
        raise SystemExit("it took no node of the graph: every one would run on the CPU")
    versions = [a.s.decode() for node in contexts for a in node.attribute if a.name == "ep_sdk_version"]
    snr_db, chunk_s = _compared(asked["graph"], asked["made"], options)
    return {
        "contexts": len(contexts),
        "others": len(nodes) - len(contexts),
        "sdk": versions[0] if versions else "of an unknown version",
        "chunks": _CHUNKS,
        "snr_db": snr_db,
        "chunk_s": chunk_s,
    }


def _options(options: dict[str, str] | None) -> onnxruntime.SessionOptions:
    made = onnxruntime.SessionOptions()
    made.log_severity_level = _ERRORS_ONLY
    if options is not None:
        made.add_provider_for_devices([d for d in onnxruntime.get_ep_devices() if d.ep_name == _QNN][:1], options)
    return made


def _compile(graph: str, made: str, options: dict[str, str]) -> None:
    session = _options(options)
    session.add_session_config_entry("ep.context_enable", "1")
    session.add_session_config_entry("ep.context_file_path", made)
    session.add_session_config_entry("ep.context_embed_mode", "1")
    # Nothing may be left to the CPU but what turns floats into integers at the border.
    onnxruntime.InferenceSession(graph, session, enable_fallback=0)


def _compared(graph: str, made: str, options: dict[str, str]) -> tuple[float, float]:
    """(SNR in dB over all outputs, seconds for a chunk) on noise, each chunk alone."""
    plain = onnxruntime.InferenceSession(graph, _options(None), providers=[providers.CPU])
    started = onnxruntime.InferenceSession(made, _options(options), enable_fallback=0)
    rng, signal, noise, took_s = np.random.default_rng(0), 0.0, 0.0, 0.0
    for _ in range(_CHUNKS):
        feeds = {i.name: rng.standard_normal(i.shape).astype(_TYPES[i.type]) for i in plain.get_inputs()}
        wanted = plain.run(None, feeds)
        begun = time.monotonic()
        found = started.run(None, feeds)
        took_s += time.monotonic() - begun
        for one, other in zip(wanted, found, strict=True):
            signal += float(np.square(one.astype(np.float64)).sum())
            noise += float(np.square(one.astype(np.float64) - other).sum())
    return 10.0 * float(np.log10(max(signal, 1e-300) / max(noise, 1e-300))), took_s / _CHUNKS


if __name__ == "__main__":
    end_with_parent()
    # The plug-in writes to stdout.
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)
        try:
            answers.write(json.dumps(main()) + "\n")
        except Exception as exc:  # onnxruntime's errors share no base class of their own
            raise SystemExit(" ".join(str(exc).split())[:400]) from None
