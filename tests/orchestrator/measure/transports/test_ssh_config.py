"""What ~/.ssh/config and the lab say together, without a connection."""

import getpass
from pathlib import Path

import pytest

from orchestrator.errors import BadInput
from orchestrator.measure.transports.ssh_config import SshSettings, SshTarget, parse_hop, resolve


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".ssh").mkdir()
    return tmp_path


def _resolve(home: Path, config: str, settings: SshSettings) -> SshTarget:
    (home / ".ssh" / "config").write_text(config)
    return resolve(settings)


def test_without_a_config_openssh_defaults_hold(home: Path) -> None:
    (home / ".ssh" / "id_ed25519").touch()
    target = resolve(SshSettings("pi5"))
    assert (target.address, target.port, target.user) == ("pi5", 22, getpass.getuser())
    assert target.identity_files == (home / ".ssh" / "id_ed25519",)
    assert target.known_hosts == (home / ".ssh" / "known_hosts", Path("/etc/ssh/ssh_known_hosts"))
    assert target.jump == ()


CONFIG = """
Host pi5
    HostName 10.0.0.5
    User pi
    Port 2222
    IdentityFile ~/.ssh/lab
    IdentitiesOnly yes
    HostKeyAlias the-pi
    StrictHostKeyChecking no
"""


def test_the_config_is_honoured(home: Path) -> None:
    target = _resolve(home, CONFIG, SshSettings("pi5"))
    assert (target.address, target.port, target.user) == ("10.0.0.5", 2222, "pi")
    assert target.identity_files == (home / ".ssh" / "lab",)
    assert target.identities_only
    assert target.host_key_alias == "the-pi"
    assert target.place == "pi5 (10.0.0.5:2222)"


def test_the_lab_wins_and_its_known_hosts_come_first(home: Path) -> None:
    settings = SshSettings("pi5", user="me", port=22, identity_file=Path("/k"), known_hosts=Path("/lab/known_hosts"))
    target = _resolve(home, CONFIG, settings)
    assert (target.address, target.port, target.user) == ("10.0.0.5", 22, "me")
    assert target.identity_files == (Path("/k"), home / ".ssh" / "lab")
    assert target.known_hosts[0] == Path("/lab/known_hosts")


def test_include_is_followed(home: Path) -> None:
    (home / ".ssh" / "labs").mkdir()
    (home / ".ssh" / "labs" / "a.conf").write_text("Host pi5\n  User included\n")
    assert _resolve(home, "Include labs/*.conf absent.conf\n", SshSettings("pi5")).user == "included"


def test_jump_hosts_in_order_each_with_its_own_config(home: Path) -> None:
    config = "Host pi5\n  ProxyJump gate,me@inner:2022\nHost gate\n  HostName gate.example\n  User keeper\n"
    way = _resolve(home, config, SshSettings("pi5", known_hosts=Path("/lab/known_hosts"))).jump
    assert [(h.user, h.address, h.port) for h in way] == [("keeper", "gate.example", 22), ("me", "inner", 2022)]
    assert {h.known_hosts[0] for h in way} == {Path("/lab/known_hosts")}


def test_the_first_hops_own_jump_comes_before_it(home: Path) -> None:
    config = "Host pi5\n  ProxyJump gate\nHost gate\n  ProxyJump outer\n"
    assert [h.host for h in _resolve(home, config, SshSettings("pi5")).jump] == ["outer", "gate"]


def test_none_switches_a_jump_off_and_the_lab_may_name_another(home: Path) -> None:
    config = "Host pi5\n  ProxyJump gate\n"
    assert _resolve(home, config, SshSettings("pi5", jump="none")).jump == ()
    assert [h.host for h in _resolve(home, config, SshSettings("pi5", jump="other")).jump] == ["other"]


def test_a_resolved_jump_host_replaces_all_others(home: Path) -> None:
    via = resolve(SshSettings("gate", port=2022))
    target = resolve(SshSettings("pi5", jump="ignored"), via=via)
    assert target.jump == (via,)


def test_proxy_command_unless_there_is_a_jump(home: Path) -> None:
    config = "Host pi5\n  ProxyCommand nc %h %p\n"
    assert _resolve(home, config, SshSettings("pi5")).proxy_command == "nc pi5 22"
    assert _resolve(home, config, SshSettings("pi5", jump="gate")).proxy_command is None


def test_no_command_of_the_config_is_run_to_match(home: Path) -> None:
    config = f'Match host pi5 exec "touch {home}/ran"\n  User first\nHost pi5\n  User second\n'
    assert _resolve(home, config, SshSettings("pi5")).user == "second"
    assert not (home / "ran").exists()


def test_jumps_in_a_circle_are_refused(home: Path) -> None:
    with pytest.raises(BadInput, match="more than 8 jump hosts"):
        _resolve(home, "Host a\n  ProxyJump b\nHost b\n  ProxyJump a\n", SshSettings("a"))


@pytest.mark.parametrize("config", ["Host pi5\n  Port many\n", "Host pi5\n  nonsense\n"])
def test_a_config_that_cannot_be_used_is_named(home: Path, config: str) -> None:
    with pytest.raises(BadInput, match=r"SSH configuration|\.ssh/config"):
        _resolve(home, config, SshSettings("pi5"))


@pytest.mark.parametrize(
    ("text", "user", "host", "port"),
    [
        ("gate", None, "gate", None),
        ("me@gate:2022", "me", "gate", 2022),
        ("me@[fe80::1]:22", "me", "fe80::1", 22),
        ("[fe80::1]", None, "fe80::1", None),
    ],
)
def test_hops(text: str, user: str | None, host: str, port: int | None) -> None:
    hop = parse_hop(text, SshSettings("pi5"))
    assert (hop.user, hop.host, hop.port) == (user, host, port)


@pytest.mark.parametrize("text", ["", "a@b@c", "gate:ssh", "me@", "ssh://gate"])
def test_a_hop_that_cannot_be_read(text: str) -> None:
    with pytest.raises(BadInput, match="jump host must be"):
        parse_hop(text, SshSettings("pi5"))
