"""Environments made from wheels: with this machine's Python, as on a device."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from agents import strict_json
from agents.environments import Refused, folder_of, list_environments, only_one
from agents.environments.clean import clean_environments
from agents.environments.install import install
from agents.environments.nouns import EnvironmentRequest, Wheel
from agents.environments.python_facts import base_python, python_facts
from agents.store import BlobMismatch
from tests.agents.device import REPOSITORY
from tests.wheels import in_store, make_wheel

PATIENCE_S = 30.0
ONE, TWO = "1" * 12, "2" * 12


def request(wheels: list[Wheel], name: str = "default", id_: str = ONE, **more: Any) -> EnvironmentRequest:
    names = tuple(w.name for w in wheels)
    return EnvironmentRequest(name=name, id=id_, packages=names, imports=names, wheels=tuple(wheels), **more)


def tiny(root: Path, tmp_path: Path, version: str = "1.0", **more: Any) -> Wheel:
    return in_store(root, make_wheel(tmp_path / "wheels", "tiny", version, **more))


def ask(root: Path, code: str, name: str = "default", **environment: str) -> str:
    argv = [root / "environments" / name / "bin" / "python", "-c", code]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, env={**os.environ, **environment})
    return done.stdout.strip()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


def test_it_imports_what_it_was_made_of_and_nothing_else(root: Path, tmp_path: Path) -> None:
    about = install(str(root), request([tiny(root, tmp_path)]))
    assert about["distributions"] == {"tiny": "1.0"}
    assert about["imported"] == ["tiny"]
    assert ask(root, "import tiny; print(tiny.VERSION)") == "1.0"
    assert ask(root, "import importlib.util as u; print(u.find_spec('numpy'))") == "None"
    assert ask(root, "from importlib.metadata import version; print(version('tiny'))") == "1.0"


def test_a_child_of_it_is_in_it_too(root: Path, tmp_path: Path) -> None:
    """The agent starts itself anew for each session and for each runtime that it probes."""
    install(str(root), request([tiny(root, tmp_path)]))
    child = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import tiny; print(tiny.VERSION)'])"
    assert ask(root, child) == "1.0"


def test_several_lie_side_by_side(root: Path, tmp_path: Path) -> None:
    install(str(root), request([tiny(root, tmp_path)], "default", ONE))
    install(str(root), request([tiny(root, tmp_path, "2.0")], "other", TWO))
    assert [ask(root, "import tiny; print(tiny.VERSION)", name) for name in ("default", "other")] == ["1.0", "2.0"]
    assert list(list_environments(str(root))) == ["default", "other"]


def test_a_new_one_takes_the_name_and_the_old_one_stays_until_it_is_cleaned(root: Path, tmp_path: Path) -> None:
    install(str(root), request([tiny(root, tmp_path)], id_=ONE))
    old = root / "environments" / f"default-{ONE}" / "bin" / "python"
    install(str(root), request([tiny(root, tmp_path, "2.0")], id_=TWO))
    assert ask(root, "import tiny; print(tiny.VERSION)") == "2.0"
    assert subprocess.run([old, "-c", "import tiny"], check=False).returncode == 0
    assert clean_environments(str(root), None) == [f"environments/default-{ONE}"]
    assert ask(root, "import tiny; print(tiny.VERSION)") == "2.0"


def test_the_same_id_is_not_made_again(root: Path, tmp_path: Path) -> None:
    install(str(root), request([tiny(root, tmp_path)]))
    made = root / "environments" / f"default-{ONE}"
    before = made.stat()
    install(str(root), request([tiny(root, tmp_path)]))
    assert (made.stat().st_ino, made.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("raise ImportError('no such symbol')", "exit code 1: ImportError: no such symbol"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGILL)", "ended by SIGILL"),
    ],
)
def test_what_does_not_import_takes_no_name(root: Path, tmp_path: Path, text: str, reason: str) -> None:
    install(str(root), request([tiny(root, tmp_path)], id_=ONE))
    broken = tiny(root, tmp_path, "2.0", files={"tiny/__init__.py": text})
    with pytest.raises(Refused, match=f"tiny cannot be imported here: .*{reason}"):
        install(str(root), request([broken], id_=TWO))
    assert ask(root, "import tiny; print(tiny.VERSION)") == "1.0"
    assert sorted(p.name for p in (root / "environments").iterdir()) == [".lock", "default", f"default-{ONE}"]


def test_a_wheel_that_was_altered_on_the_device_is_noticed(root: Path, tmp_path: Path) -> None:
    wheel = tiny(root, tmp_path)
    path = root / "blobs" / wheel.blob.file_name
    path.write_bytes(path.read_bytes().replace(b"1.0", b"6.6"))
    with pytest.raises(BlobMismatch, match="was altered on the device"):
        install(str(root), request([wheel]))
    assert not list_environments(str(root))


@pytest.mark.parametrize("member", ["../../outside.py", "/tmp/outside.py", "tiny/../../../outside.py"])
def test_a_wheel_cannot_write_outside_of_the_environment(root: Path, tmp_path: Path, member: str) -> None:
    with pytest.raises(Refused, match="would lie outside"):
        install(str(root), request([tiny(root, tmp_path, files={"tiny.py": "", member: "x"})]))
    assert not list(tmp_path.rglob("outside.py"))


@pytest.mark.parametrize("name", ["../default", "a/b", "", ".hidden", "x.part", "a b"])
def test_a_name_cannot_lead_out_either(name: str) -> None:
    with pytest.raises(ValueError, match="name must match"):
        EnvironmentRequest(name, ONE, (), (), ())


def test_data_goes_to_its_place_and_scripts_are_left_out(root: Path, tmp_path: Path) -> None:
    files = {
        "tiny.py": "",
        "tiny-1.0.data/purelib/tiny_more.py": "MORE = 1\n",
        "tiny-1.0.data/data/share/tiny.txt": "text",
        "tiny-1.0.data/scripts/tiny": "#!python\n",
    }
    install(str(root), request([tiny(root, tmp_path, files=files)]))
    assert ask(root, "import tiny_more; print(tiny_more.MORE)") == "1"
    made = root / "environments" / "default"
    assert (made / "share" / "tiny.txt").read_text() == "text"
    assert sorted(p.name for p in (made / "bin").iterdir()) == ["python", "python3"]


def test_killed_at_half_it_leaves_the_old_one(root: Path, tmp_path: Path) -> None:
    """The part that it leaves goes with the next setup."""
    install(str(root), request([tiny(root, tmp_path)], id_=ONE))
    slow = tiny(root, tmp_path, "2.0", files={"tiny/__init__.py": "import time; time.sleep(1000)"})
    argv = [sys.executable, "-m", "agents", "environment-install", "--root", str(root)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, cwd=REPOSITORY, start_new_session=True) as setup:
        assert setup.stdin
        setup.stdin.write(json.dumps(strict_json.to_json(request([slow], id_=TWO))).encode())
        setup.stdin.close()
        part = root / "environments" / f".default-{TWO}.part"
        give_up_s = time.monotonic() + PATIENCE_S
        while not (part / "lib").exists() or not list(part.rglob("RECORD")):
            assert time.monotonic() < give_up_s
            time.sleep(0.01)
        # A second setup waits for nobody: it is told.
        with pytest.raises(Refused, match="another setup is at work"):
            install(str(root), request([tiny(root, tmp_path)]))
        os.killpg(setup.pid, signal.SIGKILL)
    assert ask(root, "import tiny; print(tiny.VERSION)") == "1.0"
    assert part.exists()
    install(str(root), request([tiny(root, tmp_path, "3.0")], id_="3" * 12))
    assert ask(root, "import tiny; print(tiny.VERSION)") == "3.0"
    assert not part.exists()


def test_a_python_behind_a_wrapper_is_started_through_it(root: Path, tmp_path: Path) -> None:
    """As Debian's Python inside Termux, or one that needs a library path."""
    wrapper = tmp_path / "my python's wrapper"
    wrapper.write_text(f'#!/bin/sh\nEARSHOT_TEST_WRAPPED="$(date +%Y)" exec "{base_python()}" "$@"\n')
    wrapper.chmod(0o755)
    facts = json.loads(
        subprocess.run(
            [wrapper, "-m", "agents", "environments", "--root", str(root), "--named", str(wrapper)],
            cwd=REPOSITORY,
            capture_output=True,
            check=True,
        ).stdout
    )
    assert facts["python"]["wrapper"] == str(wrapper)
    install(str(root), request([tiny(root, tmp_path)], wrapper=str(wrapper)))
    code = "import os, sys, tiny; print(tiny.VERSION, sys.argv[1:], 'EARSHOT_TEST_WRAPPED' in os.environ)"
    argv = [root / "environments" / "default" / "bin" / "python", "-c", code, "it's one", "$(date)"]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == """1.0 ["it's one", '$(date)'] True"""


def test_the_program_itself_is_no_wrapper() -> None:
    assert python_facts(sys.executable).wrapper == ""
    assert python_facts("").wrapper == ""


def test_cleaning_keeps_what_is_named_or_in_use(root: Path, tmp_path: Path) -> None:
    for name, id_ in (("default", ONE), ("other", TWO)):
        install(str(root), request([tiny(root, tmp_path)], name, id_))
    python = root / "environments" / f"other-{TWO}" / "bin" / "python"
    maps = "import mmap, tiny, time; f = open(tiny.__file__, 'rb'); m = mmap.mmap(f.fileno(), 0, access=1)"
    with subprocess.Popen([python, "-c", f"{maps}; print('up', flush=True); input()"], stdin=-1, stdout=-1) as session:
        assert session.stdout
        assert session.stdin
        session.stdout.readline()
        assert clean_environments(str(root), ["default"]) == ["environments/other"]
        session.stdin.close()
    assert clean_environments(str(root), ["default"]) == [f"environments/other-{TWO}"]
    assert sorted(clean_environments(str(root), [])) == ["environments/default", f"environments/default-{ONE}"]
    assert clean_environments(str(tmp_path / "nothing"), None) == []


def test_an_environment_that_lost_a_part_is_not_listed(root: Path, tmp_path: Path) -> None:
    install(str(root), request([tiny(root, tmp_path)]))
    (root / "environments" / "default" / "environment.json").unlink()
    assert list_environments(str(root)) == {}


def test_the_lock_goes_with_its_holder(root: Path) -> None:
    with only_one(folder_of(str(root))), pytest.raises(Refused), only_one(folder_of(str(root))):
        pass
    with only_one(folder_of(str(root))):
        pass
