"""Interrupts in /proc/irq (Linux Documentation/core-api/irq/irq-affinity.rst): their handlers, and who serves them."""

from collections.abc import Mapping

from orchestrator.measure.standin.rootfs import File


def interrupts(handlers: Mapping[int, str], cpus: str) -> dict[str, File]:
    """One per number, each with its handler, which any of ``cpus`` (a kernel's list) may serve."""
    files: dict[str, File] = {}
    for number, handler in handlers.items():
        files[affinity_of(number)] = File(f"{cpus}\n")
        # The kernel's folder is empty; a board is made of files.
        files[f"/proc/irq/{number}/{handler}/.keep"] = File()
    return files


def affinity_of(number: int) -> str:
    return f"/proc/irq/{number}/smp_affinity_list"
