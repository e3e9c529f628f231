"""Whose build of ONNX Runtime this is: vendors ship their own, all of them under one module's name."""

import importlib

import onnxruntime as ort

from agents.backends.onnxruntime_plugin import is_plugin_here
from agents.providers import CPU, known
from agents.wheel import wheel_of


def build_of_onnxruntime(provider: str = CPU) -> str:
    """For example ``onnxruntime-openvino 1.24.1: ORT Build Info: git-branch=rel-1.24.1, ...``; with the wheel of the
    plug-in where ``provider`` is one.
    """
    plugin = known(provider)
    wheels = [wheel_of(ort)]
    if is_plugin_here(plugin):
        wheels.append(wheel_of(importlib.import_module(str(plugin.plugin))))
    return f"{' + '.join(wheel or 'of no wheel' for wheel in wheels)}: {ort.get_build_info()}"
