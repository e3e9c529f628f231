"""A graph loaded with one execution provider: part of the build, or a plug-in; and never silently another one."""

from typing import Any, Optional, Tuple, Type

import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state

from agents import providers, wire
from agents.backends.onnxruntime_assignment import RECORD
from agents.backends.onnxruntime_log import Heard, listening, message_of
from agents.backends.onnxruntime_options import own_options, session_options
from agents.backends.onnxruntime_plugin import is_plugin_here, plugin_devices
from agents.backends.onnxruntime_shapes import open_dimensions
from agents.failure import Failure

# The runtime's exceptions have no root of their own.
ERRORS: Tuple[Type[Exception], ...] = (RuntimeError, ValueError) + tuple(
    kind for kind in vars(onnxruntime_pybind11_state).values() if isinstance(kind, type) and issubclass(kind, Exception)
)
_VERBOSE = 0


def open_session(spec: wire.RunSpec, model_path: str, profile_prefix: Optional[str]) -> Tuple[Any, Heard]:
    """The session, and what the runtime wrote meanwhile; with ``profile_prefix`` it says all, and why.

    Raises Failure "provider-missing" where the provider is not there, or the runtime left it out, and "model-load".
    """
    provider = providers.known(spec.provider)
    plugin = is_plugin_here(provider)
    if not plugin:
        _require_built_in(spec.provider)
    try:
        options = _options(spec, provider, model_path, profile_prefix)
        with listening() as heard:
            session = _load(spec, provider, model_path, options, plugin)
    except ERRORS as error:
        raise _not_loaded(spec, error) from error
    registered = session.get_providers()
    if spec.provider not in registered:
        why = heard.errors() or "the runtime gave no reason"
        raise Failure(
            "provider-missing",
            f"{spec.provider} was asked for, but onnxruntime fell back to {', '.join(registered)}: {why}",
        )
    return session, heard


def _options(spec: wire.RunSpec, provider: providers.Provider, model_path: str, profile_prefix: Optional[str]) -> Any:
    own, fixed = own_options(spec.session_options)
    options = session_options(spec.threads, own)
    if provider.fixed_shapes if fixed is None else fixed:
        for name, size in open_dimensions(model_path, spec.contract, spec.chunk_samples).items():
            options.add_free_dimension_override_by_name(name, size)
    if profile_prefix is not None:
        options.add_session_config_entry(RECORD, "1")
        options.log_severity_level = _VERBOSE
        options.enable_profiling = True
        options.profile_file_prefix = profile_prefix
    return options


def _load(spec: wire.RunSpec, provider: providers.Provider, model_path: str, options: Any, plugin: bool) -> Any:
    told = {} if provider.threads is None else {provider.threads: str(spec.threads)}
    try:
        told.update(providers.provider_options(provider.name, spec.session_options))
    except ValueError as error:
        raise Failure("model-load", str(error)) from error
    if plugin:
        options.add_provider_for_devices(plugin_devices(provider)[:1], told)
        return ort.InferenceSession(model_path, options, enable_fallback=0)
    asked = [(provider.name, told)]
    # The runtime refuses to have the CPU named where falling back to it is forbidden.
    if provider.name != providers.CPU and spec.session_options.get(providers.NO_CPU_FALLBACK) != "1":
        asked.append((providers.CPU, {}))
    return ort.InferenceSession(model_path, options, providers=asked, enable_fallback=0)


def _require_built_in(name: str) -> None:
    available = ort.get_available_providers()
    if name not in available:
        raise Failure(
            "provider-missing",
            f"{name} is not in onnxruntime {ort.__version__} here, which has {', '.join(available)}: it takes "
            f"{providers.known(name).package}",
        )


def _not_loaded(spec: wire.RunSpec, error: Exception) -> Failure:
    return Failure(
        "model-load",
        f"onnxruntime {ort.__version__} cannot load {spec.model.file_name[:16]}...{spec.model.suffix} with "
        f"{spec.provider}: {message_of(error)}; export it again, or leave this recipe out here",
    )
