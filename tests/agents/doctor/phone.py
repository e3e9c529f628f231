"""What a phone says, in the formats of AOSP's PowerManagerService.dump, DeviceIdleController.dump, BatteryService.dump
and of the ``settings`` command (android.googlesource.com, frameworks/base). All values are ours.
"""

POWER = """\
POWER MANAGER (dumpsys power)

Power Manager State:
  Settings power_manager_constants:
    no_cached_wake_locks=true
  mDirty=0x0
  mWakefulness=Awake
  mWakefulnessChanging=false
  mIsPowered=true
  mPlugType=2
  mBatteryLevel=71
  mStayOn=false
  mDeviceIdleMode=false
  mLightDeviceIdleMode=false

Settings and Configuration:
  mStayOnWhilePluggedInSetting=0

Wake Locks: size=2
  PARTIAL_WAKE_LOCK              'termux:service-wakelock' ACQ=-3m2s143ms (uid=10210 pid=9120)
  SCREEN_BRIGHT_WAKE_LOCK        'WindowManager' ON_AFTER_RELEASE ACQ=-9s2ms (uid=1000 pid=1410)

Suspend Blockers: size=4
  PowerManagerService.WakeLocks: ref count=1
"""
ASLEEP = (
    POWER.replace("mWakefulness=Awake", "mWakefulness=Dozing")
    .replace("mLightDeviceIdleMode=false", "mLightDeviceIdleMode=true")
    .replace("'termux:service-wakelock' ACQ", "'termux:service-wakelock' DISABLED ACQ")
)
IDLE = """\
  Settings:
    light_after_inactive_to=+4m0s0ms
  Whitelist (except idle) system apps:
    com.android.providers.downloads
  Whitelist system apps:
    com.android.providers.downloads
    com.termux.imitation
  Whitelist user apps:
    com.termux
  Whitelist (except idle) all app ids:
    10210
  mLightEnabled=true  mDeepEnabled=true
  mForceIdle=false
  mState=ACTIVE mLightState=ACTIVE
"""
BATTERY = """\
Current Battery Service state:
  AC powered: false
  USB powered: true
  Wireless powered: false
  Max charging current: 500000
  status: 2
  health: 2
  present: true
  level: 36
  scale: 100
  voltage: 3921
  temperature: 284
  technology: Li-ion
"""
DENIED = "Permission Denial: can't dump power from from pid=9120, uid=10210\n"
ANSWERS = {
    ("dumpsys", "power"): POWER,
    ("dumpsys", "deviceidle"): IDLE,
    ("dumpsys", "battery"): BATTERY,
    ("settings", "get", "global", "low_power"): "0\n",
    ("settings", "get", "global", "stay_on_while_plugged_in"): "0\n",
    ("settings", "get", "global", "settings_enable_monitor_phantom_procs"): "null\n",
    ("device_config", "get", "activity_manager", "max_phantom_processes"): "null\n",
}


def ask(argv: tuple[str, ...]) -> str:
    """The phone as its adb shell."""
    return ANSWERS[argv]


def denied(argv: tuple[str, ...]) -> str:
    """The same phone as an app: dumpsys says so with exit code 0, settings fails."""
    if argv[0] == "dumpsys":
        return DENIED
    raise OSError(f"{argv[0]} ended with exit code 255: cmd: Failure calling service settings: Failed transaction")
