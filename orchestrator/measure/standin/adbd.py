"""adbd as the daemon of a stand-in phone: the genuine program, with or without authorization, and Android's folders.

What the phone tells of itself comes from stand-ins: ``getprop``, ``dumpsys`` and ``run-as`` are scripts here that print
texts of ours in the formats of AOSP's own tools.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from orchestrator.errors import DeviceNotReady
from orchestrator.measure.standin import adbd_launch
from orchestrator.measure.standin.adbd_root import AdbdRoot
from orchestrator.measure.standin.rootfs import Daemon, File, Mount, Root, User

# Native adb takes 5555 to 5585 on a loopback for emulators.
PORT = 5601
# AOSP, android_filesystem_config.h: AID_SHELL.
SHELL = User("shell", 2000, home="/data/local/tmp")
_TREE = "/opt/adbd"
_LAUNCH = "/opt/adbd_launch.py"
_STAND_IN = "/system/etc/stand-in"
# AOSP system/core/toolbox/getprop: one value, or all as [name]: [value].
_GETPROP = f"""#!/bin/sh
# Stand-in for Android's getprop.
if [ -n "$1" ]; then echo "$(sed -n "s/^$1=//p" {_STAND_IN}/properties)"; else
sed 's/^\\([^=]*\\)=\\(.*\\)/[\\1]: [\\2]/' {_STAND_IN}/properties; fi
"""
# AOSP frameworks/native/cmds/dumpsys.
_DUMPSYS = f"""#!/bin/sh
# Stand-in for Android's dumpsys.
[ -e "{_STAND_IN}/dumpsys/$1" ] || {{ echo "Can't find service: $1"; exit 0; }}
cat "{_STAND_IN}/dumpsys/$1"
"""
# AOSP system/core/run-as: changes to the app's folder and its user, and says this where the app is not debuggable.
_RUN_AS = f"""#!/bin/sh
# Stand-in for Android's run-as: there is one user here, so it only changes the folder.
grep -qx "$1" {_STAND_IN}/debuggable || {{ echo "run-as: package not debuggable: $1" >&2; exit 1; }}
cd "/data/data/$1" || exit 1
shift
exec "$@"
"""
PIXEL_8 = {
    "ro.product.manufacturer": "Google",
    "ro.product.model": "Pixel 8",
    "ro.product.device": "shiba",
    "ro.build.version.sdk": "34",
    "ro.build.version.release": "14",
    "ro.soc.manufacturer": "Google",
    "ro.soc.model": "Tensor G3",
    "ro.board.platform": "zuma",
    "ro.product.cpu.abi": "arm64-v8a",
}


def adbd(
    tree: AdbdRoot,
    python: str,
    *,
    keys: Sequence[bytes] | None = None,
    properties: Mapping[str, str] = PIXEL_8,
    dumpsys: Mapping[str, str] | None = None,
    debuggable: Sequence[str] = (),
    user: User = SHELL,
) -> tuple[Root, Daemon]:
    """An adbd that takes those ``keys`` (public halves) and no other; None: whoever comes.

    ``python``: the device's, to launch it. ``dumpsys``: service -> what it prints. ``debuggable``: packages that
    run-as enters. Raises DeviceNotReady where authorization cannot be had on this machine.
    """
    program = tree.open_to_all if keys is None else tree.asking
    if program is None:
        raise DeviceNotReady("no adbd with authorization for this machine", hint="run it on x86_64")
    files = {
        "/system/bin/sh": File(link_to="/bin/sh"),
        "/system/bin/getprop": File(_GETPROP, mode=0o755),
        "/system/bin/dumpsys": File(_DUMPSYS, mode=0o755),
        "/system/bin/run-as": File(_RUN_AS, mode=0o755),
        f"{_STAND_IN}/properties": File("".join(f"{name}={value}\n" for name, value in properties.items())),
        f"{_STAND_IN}/debuggable": File("".join(f"{package}\n" for package in debuggable)),
        **{f"{_STAND_IN}/dumpsys/{name}": File(text) for name, text in (dumpsys or {}).items()},
        "/adb_keys": File("".join(key.decode().strip() + "\n" for key in keys or ())),
    }
    mounts = (
        Mount(_TREE, str(tree.folder), read_only=True),
        Mount(_LAUNCH, str(Path(adbd_launch.__file__)), read_only=True),
    )
    folders = {user.folder: 0o771, "/sdcard": 0o777, "/data/misc/adb": 0o755}
    loader = f"{_TREE}/{tree.loader}"
    libraries = ":".join(f"{_TREE}/{folder}" for folder in tree.libraries)
    argv = (python, "-I", "-S", _LAUNCH, str(user.uid), loader, "--library-path", libraries, f"{_TREE}/{program}")
    # init.environ.rc of AOSP gives every process its ANDROID_ names; adbd itself reads the last one off Android.
    environment = {
        "PATH": "/system/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": "/",
        "ANDROID_ROOT": "/system",
        "ANDROID_DATA": "/data",
        "ADBD_PORT": str(PORT),
    }
    return Root(mounts, files, folders), Daemon(argv, PORT, environment, program=loader)
