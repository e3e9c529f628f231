"""Arm cores as Linux shows them: /proc/cpuinfo, cpufreq policies, which cores there are.

Formats: Linux arch/arm64/kernel/cpuinfo.c; Documentation/admin-guide/pm/cpufreq.rst. The cores are those of the device
that is stood in for; what computes is this machine.
"""

from dataclasses import dataclass

from orchestrator.measure.standin.rootfs import File

_CPU = "/sys/devices/system/cpu"


@dataclass(frozen=True)
class Cluster:
    """``part``: Arm's number of the core (Linux arch/arm64/include/asm/cputype.h), ``variant`` r0..r15."""

    cores: int
    part: int
    variant: int
    revision: int
    least_khz: int
    most_khz: int


def cpuinfo(clusters: tuple[Cluster, ...], features: str, tail: str = "") -> str:
    """/proc/cpuinfo; ``tail`` is what follows the last core, as on a Raspberry Pi."""
    blocks: list[str] = []
    for cluster in clusters:
        for _ in range(cluster.cores):
            blocks.append(
                f"processor\t: {len(blocks)}\n"
                "BogoMIPS\t: 62.50\n"
                f"Features\t: {features}\n"
                "CPU implementer\t: 0x41\n"
                "CPU architecture: 8\n"
                f"CPU variant\t: {cluster.variant:#x}\n"
                f"CPU part\t: {cluster.part:#x}\n"
                f"CPU revision\t: {cluster.revision}\n"
            )
    return "\n".join([*blocks, tail] if tail else blocks)


def cpufreq(clusters: tuple[Cluster, ...], *, governor: str, governors: str) -> dict[str, File]:
    """A policy per cluster, which its cores point to, and the lists of cores."""
    files: dict[str, File] = {}
    first = 0
    for cluster in clusters:
        last = first + cluster.cores - 1
        policy = f"{_CPU}/cpufreq/policy{first}"
        values = {
            "affected_cpus": " ".join(str(cpu) for cpu in range(first, last + 1)),
            "cpuinfo_min_freq": cluster.least_khz,
            "cpuinfo_max_freq": cluster.most_khz,
            "scaling_min_freq": cluster.least_khz,
            "scaling_max_freq": cluster.most_khz,
            "scaling_cur_freq": cluster.most_khz,
            "scaling_governor": governor,
            "scaling_available_governors": governors,
        }
        files |= {f"{policy}/{name}": File(f"{value}\n") for name, value in values.items()}
        for cpu in range(first, last + 1):
            files[f"{_CPU}/cpu{cpu}/cpufreq"] = File(link_to=f"../cpufreq/policy{first}")
        first = last + 1
    return files | {f"{_CPU}/{name}": File(f"0-{first - 1}\n") for name in ("possible", "present", "online")}
