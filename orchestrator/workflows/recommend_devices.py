"""Facts about devices for a prediction: from profiles, from what a probe found, from what a person types."""

import difflib
import re
from collections.abc import Iterable, Mapping

from agents.device_facts import Core, DeviceProbe
from orchestrator.decide.prediction.device import CoreGroup, DeviceFacts, parse_cores
from orchestrator.errors import BadInput
from orchestrator.measure.lab.profiles import DeviceProfile, device_model_slug, match_profile

Profiles = Mapping[str, DeviceProfile]
_NEAREST = 3


def facts_of_profile(profile: DeviceProfile) -> DeviceFacts:
    return DeviceFacts(
        name=profile.name,
        title=profile.title,
        soc=profile.soc.name if profile.soc else None,
        groups=tuple(CoreGroup(cluster.cores, cluster.core, cluster.max_mhz) for cluster in profile.clusters),
        bandwidth_gb_s=profile.memory.bandwidth_gb_s if profile.memory else None,
        isa="x86_64" if "generic-x86_64" in (profile.name, *profile.kind_of) else "aarch64",
    )


def facts_of_probe(probe: DeviceProbe, profiles: Profiles) -> DeviceFacts:
    """Of the profile that it matches, under that name; where that tells no cores, what the probe found, under the name
    of the device model.
    """
    profile = match_profile(probe, dict(profiles))
    if profile is not None and profile.clusters:
        return facts_of_profile(profile)
    slug = device_model_slug(probe)
    return DeviceFacts(slug, probe.model, probe.soc, _groups(probe.cores), isa=probe.machine)


def _groups(cores: Iterable[Core]) -> tuple[CoreGroup, ...]:
    clusters: dict[int, list[Core]] = {}
    for core in cores:
        clusters.setdefault(core.cluster, []).append(core)
    return tuple(
        CoreGroup(len(of_one), of_one[0].name or of_one[0].part, _mhz(of_one[0].max_hz))
        for _, of_one in sorted(clusters.items())
    )


def _mhz(hertz: int | None) -> int | None:
    return None if hertz is None else round(hertz / 1e6)


def predictable(profiles: Profiles) -> list[DeviceFacts]:
    """Of profiles that tell which cores their device has."""
    return [facts_of_profile(profile) for profile in profiles.values() if profile.clusters]


def phone_named(text: str, profiles: Profiles) -> DeviceFacts:
    """The device whose profile or title has all the words of ``text``, or is the only one that has: ``Galaxy A54``.

    Raises BadInput where none or several are meant, with the nearest, and with what to type where none will do.
    """
    known = {facts.name: facts for facts in predictable(profiles)}
    wanted = _words(text)
    exact = [facts for facts in known.values() if wanted in (_words(facts.name), _words(facts.title))]
    within = [facts for facts in known.values() if set(wanted) <= {*_words(facts.name), *_words(facts.title)}]
    # "Pixel 8" is no Pixel 8 Pro: where one has fewer words that were not asked for, that one is meant.
    fewest = min((len(_words(facts.name)) for facts in within), default=0)
    found = exact or [facts for facts in within if len(_words(facts.name)) == fewest]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(facts.name for facts in found)
        raise BadInput(f"{text!r} can be {len(found)} devices", hint=f"name one of {names}")
    raise BadInput(f"no device profile for {text!r}", hint=f"{_nearest(text, known)}{_BY_HAND}")


_BY_HAND = (
    'tell what it is: --phone NAME --soc "Exynos 1380" --cores 4xCortex-A55@2000,4xCortex-A78@2400 (--bandwidth-gb-s '
    "17, where it is published); or write device_profiles/NAME.toml beside your lab.toml with [soc], [[clusters]], "
    "[memory] and their sources (docs/how-to/new-device.md), and give --lab"
)


def _nearest(text: str, known: Mapping[str, DeviceFacts]) -> str:
    by_words = {" ".join(_words(facts.title)): name for name, facts in known.items()}
    by_words |= {" ".join(_words(name)): name for name in known}
    near = difflib.get_close_matches(" ".join(_words(text)), list(by_words), n=_NEAREST, cutoff=0.5)
    names = list(dict.fromkeys(by_words[words] for words in near))
    return f"did you mean {' or '.join(names)}? Else " if names else ""


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z]+|\d+", text.lower())


def by_hand(name: str, soc: str | None, cores: str, bandwidth_gb_s: float | None) -> DeviceFacts:
    """Raises BadInput."""
    if bandwidth_gb_s is not None and bandwidth_gb_s <= 0:
        raise BadInput(f"--bandwidth-gb-s must be > 0, got {bandwidth_gb_s:g}")
    slug = "-".join(_words(name)) or "by-hand"
    return DeviceFacts(slug, name, soc, parse_cores(cores), bandwidth_gb_s)
