"""What facts mean: severities, the harm in figures, the command and its undo. Values are ours."""

from dataclasses import replace

import pytest

from agents.device_facts import BusyProcess, DeviceProbe, DeviceState, ProviderProbe, RuntimeProbe
from agents.doctor import android
from agents.doctor.facts import (
    ClockFacts,
    CpuAccess,
    DoctorFacts,
    FrequencyPolicy,
    JetsonFacts,
    SwapUse,
    Zone,
)
from orchestrator.measure.doctor import clock_rules, cpu_rules, heat_rules, load_rules, phone_rules, software_rules
from orchestrator.measure.doctor.clock_rules import Exchange
from orchestrator.measure.doctor.diagnose import diagnose
from orchestrator.measure.doctor.finding import ADB_SHELL, HARM, INFO, OK, UNKNOWN, WARN, Change, Finding
from tests.agents.doctor import phone
from tests.agents.doctor.test_examine import READ_FROM_FILES

GHZ = 10**9
POLICY = FrequencyPolicy("policy0", "/sys/p0", "performance", ("performance", "schedutil"), GHZ, 2 * GHZ, GHZ, 2 * GHZ)
CLOCK = ClockFacts(70_000, 200_000, 50_000, 0, 0.0, 1.1, 1000.0, 1001.1)
QUIET = DoctorFacts(
    uid=1000,
    policies=(POLICY,),
    cpu=CpuAccess(4, "", 4, None, "", "f"),
    zones=(Zone("cpu", 45.0, 85.0, "passive"),),
    busy=(),
    swap=SwapUse(0, 0, 0.0),
    clock=CLOCK,
    state=DeviceState(
        throttled=False,
        throttled_source="get_throttled=0x0",
        background_cpu_share=0.004,
        background_window_s=1.0,
        memory_available_bytes=2 << 30,
        disk_free_bytes=8 << 30,
    ),
)
PROBE = DeviceProbe(
    "board", None, "aarch64", (), None, "Linux", "6.12", "3.11.2", "2.1.0", None, "ssh", (), (), DeviceState()
)
AT_ONCE = Exchange(999.95, 1001.2)


def policy(**changes: object) -> DoctorFacts:
    return replace(QUIET, policies=(replace(POLICY, **changes),))  # type: ignore[arg-type]


def by_check(findings: list[Finding]) -> dict[str, Finding]:
    return {finding.check: finding for finding in findings}


def diagnosed(facts: DoctorFacts) -> dict[str, Finding]:
    return by_check(diagnose(facts, AT_ONCE, PROBE, name="board", agent_root="/root"))


def test_a_quiet_board_has_nothing_to_say_against_it() -> None:
    found = diagnosed(QUIET)
    assert {f.check for f in found.values() if f.severity not in (OK, INFO)} == {"runtime"}
    assert not any(finding.fix for finding in found.values())


def test_what_cannot_be_read_is_unknown_with_the_reason_and_never_ok() -> None:
    state = DeviceState(throttled_source="no throttle flag on this device")
    reasons = {
        check: f"{check} is hidden" for check in (*READ_FROM_FILES, *android.CHECKS, "jetson-clocks", "power-mode")
    }
    blind = replace(
        QUIET,
        policies=(),
        zones=(),
        swap=None,
        state=state,
        android=android.AndroidFacts(release=14),
        jetson=JetsonFacts(),
        absent=reasons,
    )
    found = by_check(diagnose(blind, AT_ONCE, replace(PROBE, context="termux"), name="p", agent_root="/r"))
    unreadable = (set(reasons) - {"busy-processes"}) | {"throttling", "memory", "disk"}
    assert {check for check, finding in found.items() if finding.severity == UNKNOWN} == unreadable
    for check in set(reasons) & set(found):
        assert reasons[check] in found[check].seen
    assert not any(finding.fix for finding in found.values())


@pytest.mark.parametrize(
    ("governor", "governors", "severity"),
    [
        ("performance", ("performance", "schedutil"), OK),
        ("schedutil", ("performance", "schedutil"), WARN),
        ("powersave", ("performance", "powersave", "schedutil"), HARM),
        # intel_pstate scales under this name too.
        ("powersave", ("performance", "powersave"), WARN),
    ],
)
def test_governors(governor: str, governors: tuple[str, ...], severity: str) -> None:
    finding = cpu_rules.governor(policy(governor=governor, governors=governors))
    assert finding.severity == severity
    if severity != OK:
        assert "up to 2.0 x slower here" in finding.why
        (change,) = finding.fix
        assert change.shown == "echo performance | sudo tee /sys/p0/scaling_governor"
        assert change.undo_shown == f"echo {governor} | sudo tee /sys/p0/scaling_governor"
        assert change.needs_root


def test_a_kernel_without_the_governor_is_not_asked_for_it() -> None:
    finding = cpu_rules.governor(policy(governor="schedutil", governors=("schedutil",)))
    assert finding.fix == ()
    assert "not in this kernel" in finding.advice


def test_a_cap_is_told_by_how_much_and_lifted_but_not_a_power_modes() -> None:
    capped = policy(max_hz=1_500_000_000)
    finding = cpu_rules.frequency(capped)
    assert (finding.severity, finding.fix[0].stdin, finding.fix[0].undo_stdin) == (WARN, "2000000", "1500000")
    assert "75%" in finding.why
    assert cpu_rules.frequency(replace(capped, jetson=JetsonFacts("15W"))).fix == ()
    assert "(pinned)" in cpu_rules.frequency(policy(min_hz=2 * GHZ)).seen


def test_cores_quotas_and_isolation() -> None:
    assert cpu_rules.cores(replace(QUIET, cpu=CpuAccess(4, "", 2, None, "", "f"))).severity == WARN
    assert cpu_rules.cores(replace(QUIET, cpu=CpuAccess(4, "4-5", 4, None, "", "f"))).severity == INFO
    limited = cpu_rules.quota(replace(QUIET, cpu=CpuAccess(4, "", 4, 1.5, "", "f")))
    assert (limited.severity, limited.seen) == (HARM, "1.5 of 4 cores")
    assert cpu_rules.quota(replace(QUIET, cpu=CpuAccess(4, "", 4, 4.0, "", "f"))).severity == OK
    assert "2-3" in cpu_rules.isolation(replace(QUIET, cpu=CpuAccess(4, "", 4, None, "2-3", "f"))).seen


@pytest.mark.parametrize(("celsius", "severity"), [(45.0, OK), (75.0, WARN), (86.0, HARM)])
def test_heat_against_the_nearest_limit(celsius: float, severity: str) -> None:
    zones = (Zone("gpu", 60.0, 120.0, "critical"), Zone("cpu", celsius, 85.0, "passive"), Zone("skin", 99.0))
    finding = heat_rules.thermal(replace(QUIET, zones=zones))
    assert finding.severity == severity
    assert finding.seen.startswith("cpu ")


def test_zones_without_limits_say_so() -> None:
    assert heat_rules.thermal(replace(QUIET, zones=(Zone("cpu", 45.0),))).severity == INFO


def test_throttling_latched() -> None:
    state = replace(QUIET.state, throttled=True, throttled_source="get_throttled=0x50000")
    assert heat_rules.throttling(replace(QUIET, state=state)).severity == HARM


def test_jetson_clocks_are_stored_first_and_restored_before_the_store_is_removed() -> None:
    facts = replace(policy(governor="schedutil"), jetson=JetsonFacts("15W", cpu_locked=False, gpu_locked=True))
    found = diagnosed(facts)
    store, lock = found["jetson-clocks"].fix
    assert store.argv == ("jetson_clocks", "--store", "/root/jetson_clocks.conf")
    assert lock.undo_argv == ("jetson_clocks", "--restore", "/root/jetson_clocks.conf")
    assert store.undo_argv[0] == "rm"
    assert found["governor"].fix == (), "jetson_clocks restores what that would change"
    locked = replace(facts, jetson=JetsonFacts("15W", cpu_locked=True, gpu_locked=True))
    assert diagnosed(locked)["jetson-clocks"].severity == OK
    assert diagnosed(locked)["governor"].fix


@pytest.mark.parametrize(("share", "severity"), [(0.004, OK), (0.05, WARN), (0.4, HARM)])
def test_others_on_the_cpu_are_named(share: float, severity: str) -> None:
    state = replace(QUIET.state, background_cpu_share=share)
    finding = load_rules.background(replace(QUIET, state=state, busy=(BusyProcess(9, "updater", 0.16),)))
    assert finding.severity == severity
    assert "updater (pid 9) 16% of a core" in finding.seen
    assert severity == OK or f"{share * 4:.2f} of 4 cores" in finding.why


def test_memory_swap_and_disk() -> None:
    low = replace(QUIET.state, memory_available_bytes=100 << 20, disk_free_bytes=100 << 20)
    found = by_check(load_rules.rules(replace(QUIET, state=low, swap=SwapUse(1 << 30, 1 << 20, 40.0)), "pi5"))
    assert {found[check].severity for check in ("memory", "swap", "disk")} == {HARM}
    assert found["disk"].advice == "earshot devices clean pi5 --blobs"
    assert load_rules.swap(replace(QUIET, swap=SwapUse(1 << 30, 1 << 20, 0.0))).severity == INFO
    assert load_rules.swap(replace(QUIET, swap=SwapUse(1 << 30, 1 << 20, None))).severity == WARN


@pytest.mark.parametrize(
    ("ahead_s", "severity"), [(0.0, OK), (-1.0, OK), (10.0, WARN), (-10.0, WARN), (3600.0, HARM), (-3600.0, HARM)]
)
def test_the_wall_clock_is_bounded_by_question_and_answer(ahead_s: float, severity: str) -> None:
    clock = replace(CLOCK, begin_wall_s=1000.0 + ahead_s, end_wall_s=1001.1 + ahead_s)
    assert clock_rules.offset(replace(QUIET, clock=clock), AT_ONCE).severity == severity


def test_a_slow_link_makes_the_offset_wider_and_not_worse() -> None:
    finding = clock_rules.offset(QUIET, Exchange(970.0, 1031.0))
    assert (finding.severity, finding.seen) == (OK, "-29.90..+30.00 s against the controller")


def test_a_clock_that_goes_back_is_believed_in_nothing() -> None:
    assert clock_rules.sanity(replace(QUIET, clock=replace(CLOCK, backward_steps=1))).severity == HARM
    assert clock_rules.sanity(replace(QUIET, clock=replace(CLOCK, step_s=3.0))).severity == WARN


@pytest.mark.parametrize(
    ("median_ns", "worst_ns", "severity"),
    [(70_000, 400_000, OK), (70_000, 9_000_000, INFO), (4_000_000, 9_000_000, HARM)],
)
def test_late_wake_ups(median_ns: int, worst_ns: int, severity: str) -> None:
    clock = replace(CLOCK, wake_error_median_ns=median_ns, wake_error_worst_ns=worst_ns)
    assert clock_rules.wake_up(replace(QUIET, clock=clock)).severity == severity


def a_phone(**changes: object) -> dict[str, Finding]:
    facts = replace(android.read(phone.ask, 14, {}), **changes)  # type: ignore[arg-type]
    return by_check(phone_rules.rules(replace(QUIET, android=facts), termux=True))


def test_a_phone_that_is_ready() -> None:
    found = a_phone(phantom_monitor=False, doze_enabled=False, charging=False)
    assert {finding.severity for finding in found.values()} == {OK}


def test_a_phone_that_sleeps_in_its_battery_saver() -> None:
    found = a_phone(screen_on=False, doze=True, power_save=True, wake_lock=False, exempt=False, battery_percent=9.0)
    harmful = {check for check, finding in found.items() if finding.severity == HARM}
    assert harmful == {"doze", "power-save", "wake-lock"}
    assert {check for check, finding in found.items() if finding.severity == WARN} == {
        "screen",
        "battery",
        "battery-exemption",
        "phantom-processes",
    }
    assert found["doze"].fix[0].shown == "adb shell dumpsys deviceidle disable"
    assert found["doze"].fix[0].undo_shown == "adb shell dumpsys deviceidle enable"
    assert [change.shown for change in found["screen"].fix] == [
        "adb shell input keyevent KEYCODE_WAKEUP",
        "adb shell settings put global stay_on_while_plugged_in 7",
    ]
    assert found["screen"].fix[1].undo_shown == "adb shell settings put global stay_on_while_plugged_in 0"
    assert found["wake-lock"].fix == (Change(("termux-wake-lock",), ("termux-wake-unlock",)),)
    assert found["phantom-processes"].fix[0].undo_argv[:3] == ("settings", "delete", "global")
    assert found["power-save"].fix[0].through == ADB_SHELL


def test_limits_of_phantom_processes() -> None:
    assert a_phone(phantom_limit=2147483647)["phantom-processes"].severity == OK
    assert a_phone(release=11)["phantom-processes"].severity == OK
    assert "limit 32" in a_phone()["phantom-processes"].seen


def test_a_laptop_on_battery() -> None:
    state = replace(QUIET.state, charging=False, battery_percent=80.0)
    found = by_check(phone_rules.rules(replace(QUIET, state=state), termux=False))
    assert (found["charging"].severity, found["battery"].severity) == (WARN, OK)


def test_versions_are_compared_with_those_of_the_controller() -> None:
    providers = (ProviderProbe("CPUExecutionProvider", True), ProviderProbe("CUDAExecutionProvider", False, "no GPU"))
    device = RuntimeProbe("onnxruntime", True, "1.19.2", None, providers)
    other = software_rules.runtime(device, here="1.23.0")
    assert (other.severity, other.seen) == (INFO, "1.19.2; CPUExecutionProvider")
    assert "1.23.0" in other.why
    assert software_rules.runtime(device, here="1.19.2").severity == OK
    assert by_check(software_rules.rules(PROBE))["runtime"].severity == HARM
