"""Android's properties: getprop's own format, values of our own; which property counts where makers differ."""

import pytest

from agents.probe import android
from agents.probe.android import parse_getprop


def test_getprop_as_it_prints() -> None:
    assert parse_getprop("[ro.product.model]: [Some Phone 5G]\n")["ro.product.model"] == "Some Phone 5G"
    assert parse_getprop("[a.b]: []\n[c]: [x [y]]\nstray\n") == {"a.b": "", "c": "x [y]"}
    assert parse_getprop("[a]: [over adb]\r\n[b]: [2]\r\n") == {"a": "over adb", "b": "2"}


@pytest.mark.parametrize(
    ("properties", "model"),
    [
        ({"ro.product.model": "SM-S999B", "ro.product.vendor.model": "other"}, "SM-S999B"),
        ({"ro.product.model": " ", "ro.product.product.model": "some phone"}, "some phone"),
        ({"ro.product.system.model": "mainline"}, "mainline"),
        ({}, None),
    ],
)
def test_model(properties: dict[str, str], model: str | None) -> None:
    assert android.model(properties) == model


@pytest.mark.parametrize(
    ("properties", "soc"),
    [
        ({"ro.soc.manufacturer": "QTI", "ro.soc.model": "SM8650", "ro.board.platform": "pineapple"}, "QTI SM8650"),
        ({"ro.soc.manufacturer": "Samsung", "ro.soc.model": "s5e9945"}, "Samsung s5e9945"),
        ({"ro.soc.model": "SM0000"}, "SM0000"),
        # Android 11 and before have no ro.soc.*: the platform's name stands in.
        ({"ro.hardware.chipname": "exynos990", "ro.board.platform": "universal990"}, "exynos990"),
        ({"ro.board.platform": "kona", "ro.hardware": "qcom"}, "kona"),
        ({"ro.hardware": "qcom"}, None),
    ],
)
def test_soc(properties: dict[str, str], soc: str | None) -> None:
    assert android.soc(properties) == soc


def test_build() -> None:
    fingerprint = "maker/name/device:14/ABCD.000000.000/1:user/release-keys"
    assert android.build({"ro.build.fingerprint": fingerprint}) == fingerprint
    assert android.build({}) is None


def test_this_machine_is_not_android() -> None:
    assert android.properties() == {}
