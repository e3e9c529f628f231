"""ONNX Runtime's execution providers by name: what each is told, how it is had, and what an answer of it is worth.

A table, so that a provider which this machine does not have is still spelled right in a lab file or on a command line.
Options are given as ``ep.NAME`` beside the session's own. Each entry says where its names are from.
"""

from dataclasses import dataclass, field
from typing import Dict, Optional, Tuple

CPU = "CPUExecutionProvider"
PREFIX = "ep."
# Loading fails where a node would go to the CPU instead (onnxruntime_session_options_config_keys.h).
NO_CPU_FALLBACK = "session.disable_cpu_ep_fallback"
_DOCS = "https://onnxruntime.ai/docs/execution-providers/"
# What an option takes: one of the values, any whole number, or any text.
NUMBER: Tuple[str, ...] = ("<number>",)
TEXT: Tuple[str, ...] = ("<text>",)
SWITCH: Tuple[str, ...] = ("0", "1")
_YES: Tuple[str, ...] = ("true", "false", "True", "False")
_LEVELS: Tuple[str, ...] = ("0", "1", "2", "3", "4", "5")

Options = Dict[str, Tuple[str, ...]]


@dataclass(frozen=True)
class Provider:
    """``options``: name -> values it takes. ``package``: what brings it to a device. ``plugin``: the Python module
    whose ``get_library_path()`` is registered with the stock runtime; None where the provider is part of a build.

    ``defaults``: options that it does not do without. ``memory``: where its tensors live. ``threads``: the option that
    takes the candidate's threads, beside the session's own. ``fixed_shapes``: it refuses graphs with open dimensions.
    ``machines``: those whose hardware it drives, empty for all; elsewhere what runs is an emulation.
    """

    name: str
    source: str
    package: str
    options: Options = field(default_factory=dict)
    defaults: Dict[str, str] = field(default_factory=dict)
    plugin: Optional[str] = None
    memory: str = "cpu"
    threads: Optional[str] = None
    fixed_shapes: bool = False
    machines: Tuple[str, ...] = ()


_CUDA: Options = {
    "device_id": NUMBER,
    "gpu_mem_limit": NUMBER,
    "arena_extend_strategy": ("kNextPowerOfTwo", "kSameAsRequested"),
    "cudnn_conv_algo_search": ("EXHAUSTIVE", "HEURISTIC", "DEFAULT"),
    "do_copy_in_default_stream": SWITCH,
    "cudnn_conv_use_max_workspace": SWITCH,
    "cudnn_conv1d_pad_to_nc1d": SWITCH,
    "enable_cuda_graph": SWITCH,
    "enable_skip_layer_norm_strict_mode": SWITCH,
    "use_tf32": SWITCH,
    "prefer_nhwc": SWITCH,
    "tunable_op_enable": SWITCH,
    "tunable_op_tuning_enable": SWITCH,
}
_TENSORRT: Options = {
    "device_id": NUMBER,
    "trt_max_workspace_size": NUMBER,
    "trt_max_partition_iterations": NUMBER,
    "trt_min_subgraph_size": NUMBER,
    "trt_fp16_enable": _YES,
    "trt_int8_enable": _YES,
    "trt_int8_calibration_table_name": TEXT,
    "trt_int8_use_native_calibration_table": _YES,
    "trt_dla_enable": _YES,
    "trt_dla_core": NUMBER,
    "trt_engine_cache_enable": _YES,
    "trt_engine_cache_path": TEXT,
    "trt_timing_cache_enable": _YES,
    "trt_timing_cache_path": TEXT,
    "trt_builder_optimization_level": _LEVELS,
    "trt_auxiliary_streams": NUMBER,
    "trt_context_memory_sharing_enable": _YES,
    "trt_layer_norm_fp32_fallback": _YES,
    "trt_sparsity_enable": _YES,
    "trt_cuda_graph_enable": _YES,
    "trt_profile_min_shapes": TEXT,
    "trt_profile_opt_shapes": TEXT,
    "trt_profile_max_shapes": TEXT,
}
# The names that libonnxruntime_providers_openvino.so of onnxruntime-openvino 1.24.1 knows.
_OPENVINO: Options = {
    # CPU, GPU, GPU.1, NPU, or several as in HETERO:GPU,CPU.
    "device_type": TEXT,
    "precision": ("FP32", "FP16", "ACCURACY"),
    "num_of_threads": NUMBER,
    "num_streams": NUMBER,
    "cache_dir": TEXT,
    "load_config": TEXT,
    "model_priority": ("LOW", "MEDIUM", "HIGH", "DEFAULT"),
    "disable_dynamic_shapes": _YES,
    "enable_qdq_optimizer": _YES,
    "enable_opencl_throttling": _YES,
    "reshape_input": TEXT,
    "layout": TEXT,
}
# The names that libonnxruntime_providers_qnn.so of onnxruntime-qnn 2.7.0 knows.
_QNN: Options = {
    "backend_type": ("htp", "gpu", "cpu", "saver", "ir"),
    "profiling_level": ("off", "basic", "detailed", "optrace"),
    "rpc_control_latency": NUMBER,
    "vtcm_mb": NUMBER,
    "htp_performance_mode": (
        "default",
        "burst",
        "balanced",
        "high_performance",
        "high_power_saver",
        "low_balanced",
        "low_power_saver",
        "power_saver",
        "extreme_power_saver",
        "sustained_high_performance",
    ),
    "htp_graph_finalization_optimization_mode": ("0", "1", "2", "3"),
    "qnn_context_priority": ("low", "normal", "normal_high", "high"),
    "soc_model": NUMBER,
    "htp_arch": NUMBER,
    "device_id": NUMBER,
    "enable_htp_fp16_precision": SWITCH,
    "htp_bf16_enable": SWITCH,
    "offload_graph_io_quantization": SWITCH,
    "enable_htp_spill_fill_buffer": SWITCH,
    "enable_htp_shared_memory_allocator": SWITCH,
}
_COREML: Options = {
    "ModelFormat": ("NeuralNetwork", "MLProgram"),
    "MLComputeUnits": ("ALL", "CPUOnly", "CPUAndGPU", "CPUAndNeuralEngine"),
    "RequireStaticInputShapes": SWITCH,
    "EnableOnSubgraphs": SWITCH,
    "SpecializationStrategy": ("Default", "FastPrediction"),
    "AllowLowPrecisionAccumulationOnGPU": SWITCH,
    "ModelCacheDirectory": TEXT,
}
_WEBGPU: Options = {
    "preferredLayout": ("NCHW", "NHWC"),
    "enableGraphCapture": SWITCH,
    "dawnBackendType": ("Vulkan", "D3D12"),
    "powerPreference": ("high-performance", "low-power"),
    "validationMode": ("disabled", "wgpuOnly", "basic", "full"),
    "storageBufferCacheMode": ("disabled", "lazyRelease", "simple", "bucket"),
    "forceCpuNodeNames": TEXT,
}
_DIRECTML: Options = {
    "device_id": NUMBER,
    "performance_preference": ("default", "high_performance", "minimum_power"),
    "device_filter": ("gpu", "npu", "any"),
    "disable_metacommands": _YES,
    "enable_graph_capture": _YES,
}
_OWN_BUILD = "a build of your own: no wheel on PyPI has it"

_TABLE = (
    Provider(CPU, "https://onnxruntime.ai/docs/performance/tune-performance/threading.html", "onnxruntime"),
    Provider(
        "XnnpackExecutionProvider",
        _DOCS + "Xnnpack-ExecutionProvider.html",
        _OWN_BUILD,
        {"intra_op_num_threads": NUMBER},
        threads="intra_op_num_threads",
    ),
    Provider("CUDAExecutionProvider", _DOCS + "CUDA-ExecutionProvider.html", "onnxruntime-gpu", _CUDA, memory="cuda"),
    Provider(
        "TensorrtExecutionProvider",
        _DOCS + "TensorRT-ExecutionProvider.html",
        "onnxruntime-gpu, and TensorRT's libraries",
        _TENSORRT,
        memory="cuda",
    ),
    Provider(
        "OpenVINOExecutionProvider",
        _DOCS + "OpenVINO-ExecutionProvider.html",
        "onnxruntime-openvino, in an environment without onnxruntime",
        _OPENVINO,
        threads="num_of_threads",
    ),
    Provider(
        "QNNExecutionProvider",
        _DOCS + "QNN-ExecutionProvider.html",
        "onnxruntime-qnn, beside onnxruntime",
        _QNN,
        {"backend_type": "htp"},
        plugin="onnxruntime_qnn",
        fixed_shapes=True,
        # Snapdragons are Arm; for x86 the wheel brings Qualcomm's simulator of the DSP.
        machines=("aarch64", "arm64", "ARM64"),
    ),
    # pybind passes no flags on; stop operators are a session entry (onnxruntime_session_options_config_keys.h).
    Provider("NnapiExecutionProvider", _DOCS + "NNAPI-ExecutionProvider.html", _OWN_BUILD, fixed_shapes=True),
    Provider("CoreMLExecutionProvider", _DOCS + "CoreML-ExecutionProvider.html", "onnxruntime, on macOS", _COREML),
    Provider("ACLExecutionProvider", _DOCS + "community-maintained/ACL-ExecutionProvider.html", _OWN_BUILD),
    Provider(
        "ArmNNExecutionProvider",
        "https://github.com/microsoft/onnxruntime/pull/27447",
        "a build of onnxruntime from before March 2026, when ArmNN was removed",
    ),
    Provider(
        "WebGpuExecutionProvider",
        _DOCS + "WebGPU-ExecutionProvider.html",
        "onnxruntime-ep-webgpu, beside onnxruntime",
        _WEBGPU,
        plugin="onnxruntime_ep_webgpu",
    ),
    Provider(
        "DmlExecutionProvider",
        _DOCS + "DirectML-ExecutionProvider.html",
        "onnxruntime-directml, on Windows",
        _DIRECTML,
        memory="dml",
    ),
)
PROVIDERS: Dict[str, Provider] = {provider.name: provider for provider in _TABLE}


def known(name: str) -> Provider:
    """The table's entry; for one that it does not have, an entry without options, whose memory is the host's."""
    return PROVIDERS.get(name) or Provider(name, "not in Earshot's table", "not known")


def provider_options(name: str, given: Dict[str, str]) -> Dict[str, str]:
    """Those of ``given`` that are the provider's, without the prefix, over its defaults.

    Raises ValueError for a name or a value that it does not take.
    """
    found = {option[len(PREFIX) :]: text for option, text in given.items() if option.startswith(PREFIX)}
    if name in PROVIDERS:
        for option, text in found.items():
            _check(PROVIDERS[name], option, text)
    return {**known(name).defaults, **found}


def _check(provider: Provider, option: str, text: str) -> None:
    allowed = provider.options.get(option)
    if allowed is None:
        have = ", ".join(PREFIX + name for name in provider.options) or "none"
        raise ValueError(f"{provider.name} has no option {PREFIX}{option}; it has {have} ({provider.source})")
    if allowed == NUMBER:
        if not text.lstrip("-").isdigit():
            raise ValueError(f"{PREFIX}{option} must be a whole number, got {text!r}")
    elif allowed != TEXT and text not in allowed:
        raise ValueError(f"{PREFIX}{option} must be one of {', '.join(allowed)}, got {text!r}")


def emulation(name: str, machine: str) -> Optional[str]:
    """What computes in place of the provider's hardware on this kind of machine; None where the hardware does."""
    machines = known(name).machines
    if not machines or machine in machines:
        return None
    return f"{name} on {machine}: its library simulates the hardware that it is made for"
