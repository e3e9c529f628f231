"""The page of lab.toml: every key that the reader knows. A key without a description here fails a test."""

import dataclasses
import importlib
from collections.abc import Iterator

from orchestrator.measure.lab.device import CoolDown, Hooks, PythonEnvironment
from orchestrator.measure.lab.lab_file import KEYS_OF
from orchestrator.measure.meters.registry import KINDS

_INTRO = """# The lab file

`lab.toml` names the devices: a table `[devices.NAME]` each. Paths in it are relative to its folder. Unknown keys are
refused with the nearest known one, all problems at once with their lines. Credentials are references: no password and
no key belongs into it.

```toml
[devices.pi5]
transport = "ssh"
host = "pi5.local"
user = "pi"
profile = "raspberry-pi-5"

[devices.pi5.cool_down]
within_c = 2
```
"""

_MEANINGS = {
    "transport": "how it is reached; `ssh` where there is a `host` and nothing else is said",
    "python": "the only Python to try there; `~/` is the home there",
    "python_archive": "a Python of its own to put there, by `earshot devices setup`",
    "root": "the agent's folder there, relative to the home; `.cache/earshot` if left out",
    "profile": "the kind that it must turn out to be; another device behind the name is refused",
    "tags": "names to choose it by: `--devices tag:NAME`, `--device any:NAME`",
    "sudo": "whether the doctor may use `sudo -n` there",
    "isolate": 'steps of isolation for every run, as `--isolate` takes them: `["governor", "irq"]`',
    "environments": "tables of named Python environments, see below",
    "hooks": "a table of commands that switch its power, see below",
    "cool_down": "a table: how cool it must be before a session, see below",
    "meter": "a table: a power meter on this side, see below",
    "host": "name, address, or a Host of `~/.ssh/config`; for `adb` the phone's address (ADB over TCP)",
    "user": "the user to log in as",
    "port": "the port, where it is not the usual one",
    "identity_file": "a private key; else those of `~/.ssh/config` and the SSH agent",
    "known_hosts": "a file of host keys, read before the user's own",
    "jump": "the way there, as ProxyJump is written; or a device of this lab, an ADB one too: SSH goes through it",
    "serial": "the phone's serial number: by cable, or as a running adb server names it",
    "adb_key": "a private key of ADB; `~/.android/adbkey` if left out",
    "adb_server": "HOST:PORT of a running adb server to go through",
    "run_as": "an Android package whose user the commands run as, such as `com.termux`",
}

_TABLES = {
    "environments.NAME": (
        PythonEnvironment,
        {"python": "one that is there", "packages": "requirements, as pip has them"},
    ),
    "hooks": (
        Hooks,
        {
            "power_off": "argv of a command here that switches it off",
            "power_on": "and on",
            "power_cycle": "and off and on; used once where the device stays unreachable",
        },
    ),
    "cool_down": (
        CoolDown,
        {
            "within_c": "every temperature must be within this of the study's start",
            "at_most_s": "and no session waits longer",
        },
    ),
}


def lab_page() -> str:
    return "\n".join([_INTRO, *_keys(), *_tables(), *_meters()]) + "\n"


def _keys() -> Iterator[str]:
    yield "| key | for | is |\n|---|---|---|"
    for key in dict.fromkeys(key for keys in KEYS_OF.values() for key in keys):
        owners = [transport for transport, keys in KEYS_OF.items() if key in keys]
        of = "all" if len(owners) == len(KEYS_OF) else ", ".join(owners)
        yield f"| `{key}` | {of} | {_MEANINGS[key]} |"


def _tables() -> Iterator[str]:
    for name, (noun, meanings) in _TABLES.items():
        yield f"\n## [devices.NAME.{name}]\n\n| key | default | is |\n|---|---|---|"
        for field in dataclasses.fields(noun):
            yield f"| `{field.name}` | {_default(field)} | {meanings[field.name]} |"


def _meters() -> Iterator[str]:
    yield "\n## [devices.NAME.meter]\n\n`kind` says which; [how to](../how-to/power-meter.md) what each takes.\n"
    yield "| kind | keys |\n|---|---|"
    for kind, place in KINDS.items():
        module, _, attribute = place.partition(":")
        options = getattr(importlib.import_module(module), attribute)
        yield f"| `{kind}` | {', '.join(f'`{field.name}`' for field in dataclasses.fields(options))} |"


def _default(field: "dataclasses.Field[object]") -> str:
    return "-" if field.default in (None, (), dataclasses.MISSING) else f"`{field.default}`"
