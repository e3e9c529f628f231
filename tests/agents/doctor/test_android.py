"""Screen, doze, power save, wake locks and phantom processes from what Android says, and from what it refuses."""

import pytest

from agents.doctor import android
from tests.agents.doctor import phone


def test_what_the_adb_shell_may_know() -> None:
    absent: dict[str, str] = {}
    found = android.read(phone.ask, 14, absent)
    assert absent == {}
    assert (found.screen_on, found.doze, found.doze_enabled, found.power_save) == (True, False, True, False)
    assert (found.wake_lock, found.exempt, found.stay_on) == (True, True, 0)
    assert (found.battery_percent, found.charging) == (36.0, True)
    assert found.phantom_monitor is True, "null is the default: on"
    assert found.phantom_limit is None


def test_what_an_app_is_refused_is_unknown_with_the_reason_for_each_check() -> None:
    absent: dict[str, str] = {}
    found = android.read(phone.denied, 14, absent)
    assert set(absent) == set(android.CHECKS)
    assert all("only the adb shell may ask" in why for why in absent.values())
    assert "Permission Denial" in absent["screen"]
    assert "Failure calling service" in absent["power-save"]
    assert found == android.AndroidFacts(release=14)


def test_before_android_12_nobody_asks_for_phantom_processes() -> None:
    asked: list[tuple[str, ...]] = []

    def ask(argv: tuple[str, ...]) -> str:
        asked.append(argv)
        return phone.ask(argv)

    android.read(ask, 11, {})
    assert not any("phantom" in word for argv in asked for word in argv)


def test_a_phone_that_sleeps() -> None:
    assert android.parse_screen_on(phone.ASLEEP) is False
    assert android.parse_doze(phone.ASLEEP) is True, "light doze counts"
    assert android.holds_wake_lock(phone.ASLEEP, "termux") is False, "a disabled lock holds nothing"


def test_what_is_not_said_is_unknown() -> None:
    assert android.parse_screen_on("POWER MANAGER\n") is None
    assert android.parse_doze("POWER MANAGER\n") is None
    assert android.holds_wake_lock("POWER MANAGER\n", "termux") is None
    assert android.parse_doze_enabled("mState=ACTIVE\n") is None
    assert android.is_exempt("mState=ACTIVE\n", "com.termux") is None
    assert android.parse_battery("nothing\n") == (None, None)
    assert android.parse_battery_level("nothing\n") is None


def test_a_package_counts_only_among_the_users_own_and_only_whole() -> None:
    assert android.is_exempt(phone.IDLE, "com.termux") is True
    assert android.is_exempt(phone.IDLE, "com.termux.imitation") is False
    assert android.is_exempt(phone.IDLE, "com.term") is False


@pytest.mark.parametrize(("text", "release"), [("14", 14), ("12.0", 12), ("8.1.0", 8), ("Baklava", None), ("", None)])
def test_release(text: str, release: int | None) -> None:
    assert android.parse_release(text) == release


def test_the_few_facts_of_a_session() -> None:
    found = android.read_brief(phone.ask)
    assert (found.screen_on, found.doze, found.power_save, found.battery_percent) == (True, False, False, 71.0)
    assert android.read_brief(phone.denied).screen_on is None
