"""What makes a candidate another one, and how it is called."""

from dataclasses import replace

from tests.sessions import candidate

PLAIN = candidate()
# Of a ledger that was written before a candidate could be held to CPUs.
KEY_OF_BEFORE = "2b9bbf84a3618433"


def test_one_that_is_held_to_cpus_is_another_and_says_where() -> None:
    held = replace(PLAIN, affinity=(4, 5, 6, 7), cluster="big")
    assert held.key != PLAIN.key
    assert held.label == "onnx:fp32 CPU 1t on big (4-7)"
    assert not held.is_plain
    assert PLAIN.is_plain


def test_the_clusters_name_is_a_name_only() -> None:
    assert replace(PLAIN, affinity=(0, 1), cluster="little").key == replace(PLAIN, affinity=(0, 1)).key
    assert replace(PLAIN, affinity=(0, 1)).label == "onnx:fp32 CPU 1t on CPUs 0-1"


def test_who_is_not_held_keeps_the_key_that_it_always_had() -> None:
    assert PLAIN.key == KEY_OF_BEFORE
