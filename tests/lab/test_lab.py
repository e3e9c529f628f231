"""A lab of stand-ins: what cannot be had is named, and the others run."""

from pathlib import Path
from typing import NoReturn

import pytest

from orchestrator.errors import BadInput, DeviceNotReady
from orchestrator.measure.lab.inventory import load_lab
from orchestrator.measure.standin import catalog
from orchestrator.measure.standin.lab import StandInLab
from orchestrator.measure.standin.network import Link
from orchestrator.measure.standin.standin import Order
from tests.hosts import require_program


def unavailable(order: Order, link: Link) -> NoReturn:
    raise DeviceNotReady("dropbear is not installed", hint="apt-get install dropbear-bin")


@pytest.fixture(autouse=True)
def one_that_cannot_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ip", "unshare", "sshd"):
        require_program(name)
    monkeypatch.setitem(catalog.KINDS, "absent", unavailable)


def test_the_others_run_where_one_cannot_be_had(tmp_path: Path) -> None:
    with StandInLab(tmp_path / "lab") as lab:
        lab.up(["absent", "pi4"])
        states = {row["name"]: (row["state"], row.get("reason")) for row in lab.status()}
        assert states == {"pi4": ("up", None), "absent": ("missing", "dropbear is not installed")}
        assert set(load_lab(lab.lab_file).devices) == {"pi4", "local"}
        with pytest.raises(BadInput, match="no stand-in 'absent' runs here"):
            lab.standin("absent")
    assert not lab.lab_file.exists()


def test_where_none_can_be_had_the_first_reason_is_told(tmp_path: Path) -> None:
    with StandInLab(tmp_path / "lab") as lab, pytest.raises(DeviceNotReady, match="dropbear is not installed"):
        lab.up(["absent"])


def test_a_kind_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no kind of stand-in is called 'pi9'"):
        catalog.make_standin("pi9", tmp_path)
