"""Debian's Python inside Termux: Android's own takes no wheel of numpy or of a runtime, as its C library is bionic."""

from dataclasses import dataclass

# proot-distro ends what was started inside with the command that started it, unless it is told not to: sessions run
# detached. HOME stays Termux's, which proot-distro binds at the same path, so that both sides mean the same files.
# https://github.com/termux/proot-distro, "login"
WRAPPER = "~/bin/debian-python"
WRAPPER_TEXT = """#!/data/data/com.termux/files/usr/bin/sh
exec proot-distro login debian --no-kill-on-exit -- env "HOME=$HOME" python3 "$@"
"""


@dataclass(frozen=True)
class PhoneStep:
    """``command``: to be typed in Termux, once; ``where`` says if it goes elsewhere."""

    what: str
    command: str
    where: str = "termux"


def debian_steps(device: str) -> tuple[PhoneStep, ...]:
    """What makes a Termux phone take wheels; afterwards ``earshot devices setup`` needs no network there."""
    script = "\n".join(["mkdir -p ~/bin && cat > ~/bin/debian-python <<'END'", WRAPPER_TEXT + "END"])
    return (
        PhoneStep("install proot-distro, which runs Debian without root", "pkg install -y proot-distro"),
        PhoneStep("install Debian (about 100 MB, once)", "proot-distro install debian"),
        PhoneStep(
            "install its Python", "proot-distro login debian -- sh -c 'apt-get update && apt-get install -y python3'"
        ),
        PhoneStep("name that Python", f"{script}\nchmod +x ~/bin/debian-python"),
        PhoneStep(f"use it for {device}", f'[devices.{device}]\npython = "{WRAPPER}"', where="lab.toml"),
    )
