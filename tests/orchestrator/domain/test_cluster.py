"""Clusters from a probe's cores: their names, and what is refused."""

from dataclasses import replace

import pytest

from agents.device_facts import Core, DeviceProbe
from orchestrator.domain.cluster import clusters_of, named, of_cpus, parse_cpus, require_room
from orchestrator.errors import BadInput
from tests.sessions import PROBE


def probe(*sizes: int) -> DeviceProbe:
    """Cores in clusters of these sizes, the slowest first."""
    kinds = [number for number, size in enumerate(sizes) for _ in range(size)]
    return replace(PROBE, cores=tuple(Core(cpu, kind, "0x41/0xd05", None) for cpu, kind in enumerate(kinds)))


@pytest.mark.parametrize(
    ("sizes", "names"),
    [
        ((), []),
        ((2,), []),
        ((6, 2), ["little (0-5)", "big (6-7)"]),
        ((4, 4, 1), ["little (0-3)", "big (4-7)", "prime (8)"]),
        ((2, 3, 2, 1), ["little (0-1)", "big-1 (2-4)", "big-2 (5-6)", "prime (7)"]),
    ],
)
def test_names_from_the_slowest(sizes: tuple[int, ...], names: list[str]) -> None:
    assert [str(cluster) for cluster in clusters_of(probe(*sizes))] == names


def test_all_or_some() -> None:
    phone = probe(4, 4, 1)
    assert [cluster.name for cluster in named(phone, "p", ("all",))] == ["little", "big", "prime"]
    assert [cluster.cpus for cluster in named(phone, "p", ("prime", "prime"))] == [(8,)]
    assert named(probe(2), "p", ("all",)) == ()


def test_a_cluster_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(BadInput, match="phone has no cluster 'gold'") as refused:
        named(probe(6, 2), "phone", ("gold",))
    assert refused.value.hint == "it has little (0-5), big (6-7)"
    with pytest.raises(BadInput) as alike:
        named(probe(4), "pi5", ("big",))
    assert "cores of one kind only: --cpus" in str(alike.value.hint)


def test_cpus_that_are_a_cluster_have_its_name() -> None:
    assert str(of_cpus(probe(6, 2), "p", (7, 6))) == "big (6-7)"
    assert str(of_cpus(probe(6, 2), "p", (5, 6))) == "CPUs 5-6"
    with pytest.raises(BadInput, match="p has no CPU 9") as refused:
        of_cpus(probe(6, 2), "p", (9,))
    assert refused.value.hint == "it has 0-7"


@pytest.mark.parametrize(("text", "cpus"), [("0,1", (0, 1)), ("4-7", (4, 5, 6, 7)), ("3", (3,))])
def test_cpus_as_they_are_typed(text: str, cpus: tuple[int, ...]) -> None:
    assert parse_cpus(text) == cpus


@pytest.mark.parametrize("text", ["", "a", "1;2", "3-1", "-1"])
def test_what_is_no_list_of_cpus(text: str) -> None:
    with pytest.raises(BadInput, match="is no list of CPUs"):
        parse_cpus(text)


def test_threads_need_a_core_each() -> None:
    (_, big) = clusters_of(probe(6, 2))
    require_room(big, 2)
    with pytest.raises(BadInput, match=r"3 threads do not fit on big \(6-7\)"):
        require_room(big, 3)
