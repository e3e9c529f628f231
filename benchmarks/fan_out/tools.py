"""The three tools, each told to do the same: the agent's archive and a model to every host, and one command there.

Host keys are checked by all of them. Each is as fast as its own documentation makes it: ansible with 100 forks and
pipelining, and no facts gathered; pyinfra with all hosts at once, which is its default; Earshot as it comes.
"""

import json
import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.fan_out.hosts import HOME, KEYS, Host

KEY, KNOWN_HOSTS = KEYS / "user_key", KEYS / "known_hosts"
RAN = "ran"
COMMAND = ("touch", f"{HOME}/{RAN}")


@dataclass(frozen=True)
class Tool:
    """``argv`` runs in a folder that has its files; ``environment`` on top of ours."""

    argv: tuple[str, ...]
    environment: dict[str, str]


def tools(hosts: Sequence[Host], archive: Path, model: Path, folder: Path, rivals: Path) -> dict[str, Tool]:
    """``rivals``: the folder of the programs of a virtual environment with ansible-core and pyinfra."""
    own = {"HOME": str(folder)}
    return {
        "earshot": Tool(_earshot(hosts, model, folder), own),
        "ansible": Tool(_ansible(hosts, archive, model, folder, rivals), {**own, "ANSIBLE_CONFIG": "ansible.cfg"}),
        "pyinfra": Tool(_pyinfra(hosts, archive, model, folder, rivals), own),
    }


def _earshot(hosts: Sequence[Host], model: Path, folder: Path) -> tuple[str, ...]:
    settings = f'transport = "ssh"\nuser = "root"\nidentity_file = "{KEY}"\nknown_hosts = "{KNOWN_HOSTS}"\n'
    tables = (f'[devices.{host.name}]\nhost = "{host.address}"\n{settings}' for host in hosts)
    (folder / "lab.toml").write_text("\n".join(tables))
    push = ("-m", "orchestrator.cli", "devices", "push", str(model), "--devices", "all", "--lab", "lab.toml", "--json")
    return (sys.executable, *push, "--", *COMMAND)


def _ansible(hosts: Sequence[Host], archive: Path, model: Path, folder: Path, rivals: Path) -> tuple[str, ...]:
    strict = f"-o UserKnownHostsFile={KNOWN_HOSTS} -o StrictHostKeyChecking=yes -o IdentitiesOnly=yes"
    lines = (f"{host.name} ansible_host={host.address} ansible_user=root" for host in hosts)
    (folder / "inventory").write_text("[all]\n" + "\n".join(lines) + "\n")
    (folder / "ansible.cfg").write_text(
        "[defaults]\nforks = 100\nhost_key_checking = True\ngathering = explicit\n"
        f"interpreter_python = /usr/bin/python3\nprivate_key_file = {KEY}\n"
        f"[ssh_connection]\npipelining = True\nssh_args = -o ControlMaster=auto -o ControlPersist=60s {strict}\n"
    )
    copies = [{"copy": {"src": str(path), "dest": f"{HOME}/{path.name}"}} for path in (archive, model)]
    play = [{"hosts": "all", "gather_facts": False, "tasks": [*copies, {"command": {"argv": list(COMMAND)}}]}]
    (folder / "play.yml").write_text(json.dumps(play))
    return (str(rivals / "ansible-playbook"), "-v", "-i", "inventory", "play.yml")


def _pyinfra(hosts: Sequence[Host], archive: Path, model: Path, folder: Path, rivals: Path) -> tuple[str, ...]:
    strict = {"ssh_known_hosts_file": str(KNOWN_HOSTS), "ssh_strict_host_key_checking": "yes"}
    about = {"ssh_user": "root", "ssh_key": str(KEY), **strict}
    (folder / "inventory.py").write_text(
        f"hosts = {[(host.name, {'ssh_hostname': host.address, **about}) for host in hosts]!r}\n"
    )
    puts = [f"files.put(src={str(path)!r}, dest={f'{HOME}/{path.name}'!r})" for path in (archive, model)]
    lines = ["from pyinfra.operations import files, server", *puts, f"server.shell(commands=[{shlex.join(COMMAND)!r}])"]
    (folder / "deploy.py").write_text("\n".join(lines) + "\n")
    return (str(rivals / "pyinfra"), "-y", "-v", "inventory.py", "deploy.py")


def environment(tool: Tool) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "SSH_AUTH_SOCK"}
    return {**kept, **tool.environment, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
