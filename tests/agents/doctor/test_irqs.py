"""Interrupts from a tree of our own (Linux Documentation/core-api/irq/irq-affinity.rst)."""

from pathlib import Path

import pytest

from agents.doctor import irqs
from agents.doctor.facts import Irq
from tests.agents.tree import lay


def test_those_with_a_handler_by_number(tmp_path: Path) -> None:
    root = lay(
        tmp_path,
        {
            "proc/irq/106/smp_affinity_list": "0-3\n",
            "proc/irq/106/eth0/.keep": "",
            "proc/irq/27/smp_affinity_list": "2\n",
            "proc/irq/27/arch_timer/.keep": "",
            "proc/irq/5/smp_affinity_list": "0-3\n",
            "proc/irq/default_smp_affinity": "f\n",
        },
    )
    absent: dict[str, str] = {}
    assert irqs.irqs(root, absent) == (
        Irq(27, f"{tmp_path}/proc/irq/27/smp_affinity_list", "2", ("arch_timer",)),
        Irq(106, f"{tmp_path}/proc/irq/106/smp_affinity_list", "0-3", ("eth0",)),
    )
    assert absent == {}


def test_a_proc_that_hides_them_says_so(tmp_path: Path) -> None:
    for files in ({}, {"proc/irq/5/smp_affinity_list": "0-3\n"}):
        absent: dict[str, str] = {}
        assert irqs.irqs(lay(tmp_path, files), absent) == ()
        assert "irq" in absent


@pytest.mark.parametrize(("names", "found"), [(["sh", "irqbalance"], "irqbalance"), (["irqbalanced", "init"], None)])
def test_who_moves_them(names: list[str], found: str | None) -> None:
    assert irqs.balancer(names) == found
