"""Which one of its kind: Documentation of the device tree's serial-number, machine-id(5), AOSP's ro.serialno."""

from pathlib import Path

import pytest

from agents.probe.unit import unit
from tests.agents.tree import lay

TREE, MACHINE = "sys/firmware/devicetree/base/serial-number", "etc/machine-id"


def test_the_boards_own_number_comes_first_and_is_not_told(tmp_path: Path) -> None:
    board = unit(lay(tmp_path / "a", {TREE: "10000000abcdef01\0", MACHINE: "1f2e\n"}), {})
    again = unit(lay(tmp_path / "b", {TREE: "10000000abcdef01\0", MACHINE: "9999\n"}), {})
    assert board is not None
    assert board == again
    assert "abcdef" not in board
    assert board != unit(lay(tmp_path / "c", {TREE: "10000000abcdef02\0"}), {})


def test_a_phone_and_a_machine_without_a_device_tree(tmp_path: Path) -> None:
    assert unit(str(tmp_path), {"ro.serialno": "R58M123ABC"}) is not None
    assert unit(lay(tmp_path, {MACHINE: "1f2e\n"}), {}) is not None


@pytest.mark.parametrize("text", ["", "0000000000000000\0", "uninitialized\n"])
def test_what_names_no_unit_is_none(tmp_path: Path, text: str) -> None:
    assert unit(lay(tmp_path, {TREE: text, MACHINE: text}), {}) is None
