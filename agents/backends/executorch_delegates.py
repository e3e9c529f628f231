"""Who runs the parts of an ExecuTorch program: fixed when it was exported, so a session only checks it."""

from typing import Sequence, Tuple

from agents.failure import Failure

XNNPACK, PORTABLE = "XNNPACK", "Portable"
# Provider -> the name that programs and builds have for it (executorch's backends/*/runtime, as registered).
DELEGATES = {
    XNNPACK: "XnnpackBackend",
    "QNN": "QnnBackend",
    "Vulkan": "VulkanBackend",
    "CoreML": "CoreMLBackend",
    "OpenVINO": "OpenvinoBackend",
}
# Portable: ExecuTorch's own kernels, 30 to 70 times slower than XNNPACK: for what nobody else takes.
PROVIDERS = (XNNPACK, PORTABLE, *(name for name in DELEGATES if name != XNNPACK))


def require_provider(wanted: str, backends: Sequence[str], registered: Sequence[str]) -> None:
    """``backends``: what the program delegates to; ``registered``: what this build has.

    Raises Failure "provider-missing" for a provider that the program was not exported for, "model-load" for a delegate
    that is not in this build.
    """
    if wanted not in PROVIDERS:
        raise Failure("provider-missing", f"executorch has no provider {wanted!r}; known are {', '.join(PROVIDERS)}")
    for backend in backends:
        if backend not in registered:
            raise Failure(
                "model-load",
                f"the program delegates to {backend!r}, and this build of executorch has "
                f"{', '.join(registered) or 'no delegates'}: export it for one of those, or install a build with it",
            )
    if (wanted == PORTABLE and not backends) or DELEGATES.get(wanted) in backends:
        return
    made_for = ", ".join(provider_of(b) for b in dict.fromkeys(backends)) or PORTABLE
    raise Failure(
        "provider-missing",
        f"{wanted} was asked for, but the program was exported for {made_for}, and that cannot be changed here: "
        f"run it with {made_for}, or export it for {wanted}",
    )


def provider_of(backend: str) -> str:
    """The provider of a delegate; the delegate's own name where none is known."""
    return next((provider for provider, name in DELEGATES.items() if name == backend), backend)


def providers(wanted: str, backends: Sequence[str], operators: Sequence[str]) -> Tuple[str, ...]:
    """Who runs anything of the program, the one that was asked for first."""
    others = [provider_of(b) for b in backends] + ([PORTABLE] if operators else [])
    return tuple(dict.fromkeys([wanted, *others]))
