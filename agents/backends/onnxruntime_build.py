"""Whose build of ONNX Runtime this is: vendors ship their own, all of them under one module's name."""

import onnxruntime as ort

from agents.wheel import wheel_of


def build_of_onnxruntime() -> str:
    """For example ``onnxruntime-openvino 1.24.1: ORT Build Info: git-branch=rel-1.24.1, ...``."""
    return f"{wheel_of(ort) or 'of no wheel'}: {ort.get_build_info()}"
