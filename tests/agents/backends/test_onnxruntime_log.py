"""What ONNX Runtime says while it loads. The lines are those of onnxruntime 1.31.1 with onnxruntime-qnn 2.7.0, and of
onnxruntime-openvino 1.24.1, shortened in the middle.
"""

import subprocess
import sys
from pathlib import Path

from agents.backends.onnxruntime_log import Heard, message_of

QNN = """\
2026-11-21 15:50:57.092 [V:onnxruntime:, qnn_execution_provider.cc:1713 LogNodeSupport] Validation FAILED for 1 nodes in OrtNodeUnit (QuantizeLinear) :
\tREASON : QNN EP is configured to not take Q nodes that consume a graph input.
2026-11-21 15:50:57.092 [V:onnxruntime:, qnn_execution_provider.cc:1713 LogNodeSupport] Validation FAILED for 1 nodes in OrtNodeUnit (QuantizeLinear) :
\tREASON : QNN EP is configured to not take Q nodes that consume a graph input.
\tREASON : Cannot get shape
"""  # noqa: E501
OPENVINO = """\
2026-11-21 15:57:07.010 [I:onnxruntime:, inference_session.cc:606 TraceSessionOptions] Session Options { }
\x1b[1;31m2026-11-21 15:57:07.211 [E:onnxruntime:Default, provider_bridge_ort.cc:2310 Create] /onnxruntime/onnxruntime/core/providers/openvino/openvino_provider_factory.cc:141 std::string onnxruntime::openvino_ep::ParseDeviceType(std::shared_ptr<OVCore>, const onnxruntime::ProviderOptions&) [ERROR] [OpenVINO] Device GPU is not available
\x1b[m
\x1b[0;93m2026-11-21 15:57:07.211 [W:onnxruntime:Default, onnxruntime_pybind_state.cc:1066 CreateExecutionProviderFactoryInstance] Failed to create OpenVINOExecutionProvider.\x1b[m
"""  # noqa: E501


def heard(text: str) -> Heard:
    made = Heard()
    made.text = text
    return made


def test_each_reason_once_in_the_runtimes_own_words() -> None:
    assert heard(QNN).reasons() == [
        "QNN EP is configured to not take Q nodes that consume a graph input.",
        "Cannot get shape",
    ]
    assert heard(OPENVINO).reasons() == []


def test_the_last_error_without_the_signature_before_it() -> None:
    assert heard(OPENVINO).errors() == "[OpenVINO] Device GPU is not available"
    assert heard(QNN).errors() is None


def test_a_message_begins_where_the_runtime_says_something() -> None:
    error = RuntimeError("/src/a.cc:71 virtual void f() Error: [ONNXRuntimeError] : 1 : FAIL :\n  no device")
    assert message_of(error) == "[ONNXRuntimeError] : 1 : FAIL : no device"
    assert message_of(ValueError("no  such\nfile")) == "no such file"


_HEAR = """
import os
from agents.backends.onnxruntime_log import listening
os.write(2, b"before\\n")
with listening() as heard:
    os.write(2, b"native\\n")
print(repr(heard.text))
if {crash}: os.abort()
"""


def listened(log: Path, *, crash: bool = False) -> subprocess.CompletedProcess[str]:
    with log.open("w") as stderr:
        argv = [sys.executable, "-c", _HEAR.format(crash=crash)]
        return subprocess.run(argv, stdout=subprocess.PIPE, stderr=stderr, text=True, check=False)


def test_what_native_code_writes_is_heard_and_stays_in_the_log(tmp_path: Path) -> None:
    log = tmp_path / "session.log"
    assert listened(log).stdout.strip() == "'native\\n'"
    assert log.read_text() == "before\nnative\n"


def test_a_crash_leaves_the_log_as_it_would_have_been(tmp_path: Path) -> None:
    assert listened(tmp_path / "session.log", crash=True).returncode < 0
    assert (tmp_path / "session.log").read_text() == "before\nnative\n"


def test_a_pipe_cannot_be_read_back() -> None:
    argv = [sys.executable, "-c", _HEAR.format(crash=False)]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert (done.stdout.strip(), done.stderr) == ("''", "before\nnative\n")
