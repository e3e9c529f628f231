"""The page of device profiles: what is known of each kind, and where from."""

from collections.abc import Iterable, Iterator

from orchestrator.measure.lab.agreement import described
from orchestrator.measure.lab.profile_files import load_profiles
from orchestrator.measure.lab.profiles import DeviceProfile, Memory

_INTRO = """# Device profiles

Facts about kinds of devices, from `device_profiles/*.toml` and from `device_profiles/` beside your lab file (the
same name replaces). A device is the kind whose rules all match what its probe tells; the highest priority counts. What
no source says is left out; what is absent has its reason. [How to add a device](../how-to/new-device.md).
"""


def devices_page() -> str:
    profiles = load_profiles()
    return "\n".join(
        [_INTRO, *_overview(profiles.values()), *(line for p in profiles.values() for line in _profile(p))]
    )


def _overview(profiles: Iterable[DeviceProfile]) -> Iterator[str]:
    yield "| profile | SoC | cores | memory |\n|---|---|---|---|"
    for profile in profiles:
        soc = profile.soc.name if profile.soc else "-"
        cores = described(profile.clusters) or "-"
        yield f"| [{profile.name}](#{profile.name}) | {soc} | {cores} | {_memory(profile.memory)} |"
    yield ""


def _profile(profile: DeviceProfile) -> Iterator[str]:
    yield f"## {profile.name}\n"
    kind = f" It is a kind of `{profile.kind_of[0]}`." if profile.kind_of else ""
    rules = ", ".join(f"{fact} `{pattern}`" for fact, pattern in profile.match.items())
    yield f"{profile.title}.{kind} Matched by {rules}; priority {profile.priority}.\n"
    if profile.soc and (profile.soc.gpu or profile.soc.npu):
        yield f"GPU: {profile.soc.gpu or '-'}. NPU: {profile.soc.npu or '-'}.\n"
    yield f"Python: {profile.python}.\n"
    yield "| | | |\n|---|---|---|"
    for runtime, providers in profile.runtimes.items():
        yield from (_row(f"{runtime}", name, takes) for name, takes in providers.items())
    yield from (_row("sensor", name, text) for name, text in profile.sensors.items())
    yield from (_row("absent", name, text) for name, text in profile.absent.items())
    yield from (_row("source", name, text) for name, text in profile.sources.items())
    yield ""


def _row(kind: str, name: str, text: str) -> str:
    return f"| {kind} | {name} | {text.replace('|', chr(92) + '|')} |"


def _memory(memory: Memory | None) -> str:
    if memory is None:
        return "-"
    sizes = ", ".join(f"{size:g}" for size in memory.sizes_gib)
    bandwidth = f"{memory.bandwidth_gb_s:g} GB/s" if memory.bandwidth_gb_s else None
    return ", ".join(filter(None, [f"{sizes} GiB" if sizes else None, memory.kind, bandwidth]))
