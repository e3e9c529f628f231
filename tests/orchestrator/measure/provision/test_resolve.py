"""The real pip against a folder of wheels in place of an index."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import packaging.tags
import pytest

from agents.environments.python_facts import python_facts
from orchestrator.errors import BadInput, DeviceNotReady, EarshotError
from orchestrator.measure.provision.resolve import resolve
from orchestrator.measure.provision.tags import WheelTags, wheel_tags
from tests.wheels import make_wheel

MARKERS = {
    **python_facts().markers,
    "python_version": "3.9",
    "python_full_version": "3.9.2",
    "platform_machine": "aarch64",
}
BOARD = replace(
    python_facts(),
    version=(3, 9, 2),
    soabi="cpython-39-aarch64-linux-gnu",
    machine="aarch64",
    libc="glibc",
    libc_version=(2, 31),
    markers=MARKERS,
)
TAGS: WheelTags = wheel_tags("board", BOARD)
ARM = "cp39-cp39-manylinux_2_28_aarch64"


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all that pip sees."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def resolved(tmp_path: Path, packages: Sequence[str]) -> list[str]:
    return [w.path.name for w in resolve("board", packages, BOARD, TAGS, tmp_path / "cache")]


def test_the_newest_version_that_has_a_wheel_for_the_device(index: Path, tmp_path: Path) -> None:
    for version, tag in [
        ("1.0", ARM),
        ("1.1", ARM),
        ("1.2", "cp39-cp39-manylinux_2_34_aarch64"),
        ("1.3", "cp310-cp310-manylinux_2_28_aarch64"),
        ("1.4", "cp39-cp39-manylinux_2_28_x86_64"),
    ]:
        make_wheel(index, "engine", version, tag=tag)
    assert resolved(tmp_path, ["engine"]) == [f"engine-1.1-{ARM}.whl"]


def test_dependencies_are_followed_by_the_markers_of_the_device(index: Path, tmp_path: Path) -> None:
    """pip itself would read them as this machine's: it would leave ``old`` out and take ``intel`` in."""
    needs = [
        'old; python_version < "3.10"',
        'intel; platform_machine == "x86_64"',
        "Chain.One>=1",
        'more; extra == "x"',
    ]
    make_wheel(index, "engine", requires=needs)
    make_wheel(index, "chain-one", "1.5", requires=["two[fast]"])
    make_wheel(index, "two", requires=['turbo; extra == "fast"', "engine"])
    for name in ("old", "intel", "turbo", "more"):
        make_wheel(index, name)
    names = [name.split("-")[0] for name in resolved(tmp_path, ["engine"])]
    assert names == ["chain_one", "engine", "old", "turbo", "two"]


def test_all_limits_on_a_package_hold_together(index: Path, tmp_path: Path) -> None:
    for version in ("1.0", "1.5", "2.0"):
        make_wheel(index, "array", version)
    make_wheel(index, "engine", requires=["array<2"])
    assert "array-1.5-py3-none-any.whl" in resolved(tmp_path, ["array", "engine"])
    with pytest.raises(DeviceNotReady, match=r"no set of versions for board \(cp39-.*\) meets all of: .*array"):
        resolved(tmp_path, ["array>=2", "engine"])


def test_what_was_fetched_once_is_taken_from_the_cache(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_wheel(index, "engine")
    (first,) = resolve("board", ["engine"], BOARD, TAGS, tmp_path / "cache")
    before = first.path.stat()
    (again,) = resolve("board", ["engine"], BOARD, TAGS, tmp_path / "cache")
    assert (again.path, again.path.stat().st_mtime_ns) == (first.path, before.st_mtime_ns)
    # A wheel that was altered in the cache is fetched anew.
    first.path.write_bytes(b"altered")
    (mended,) = resolve("board", ["engine"], BOARD, TAGS, tmp_path / "cache")
    assert mended == first
    assert first.path.stat().st_size == before.st_size


def test_a_wheel_of_ones_own_is_named_by_its_path(index: Path, tmp_path: Path) -> None:
    """Such as a build for a Jetson, which no index has."""
    own = make_wheel(tmp_path / "mine", "engine", "1.9", tag="cp39-cp39-linux_aarch64", requires=["array"])
    make_wheel(index, "array")
    assert resolved(tmp_path, [str(own)]) == ["array-1.0-py3-none-any.whl", own.name]


def test_a_package_without_a_fitting_wheel_names_the_tags_and_what_exists(index: Path, tmp_path: Path) -> None:
    make_wheel(index, "engine", "1.0", tag=ARM)
    make_wheel(index, "engine", "2.0", tag="cp39-cp39-manylinux_2_34_aarch64")
    with pytest.raises(DeviceNotReady) as caught:
        resolved(tmp_path, ["engine>=2"])
    assert caught.value.message == (
        "engine>=2 has no wheel for board, which takes cp39-manylinux_2_31_aarch64; versions with one are 1.0"
    )


def test_a_package_for_other_machines_only_says_so(index: Path, tmp_path: Path) -> None:
    for version in ("2.0", "2.1"):
        make_wheel(index, "engine", version, tag=str(next(packaging.tags.sys_tags())))
    with pytest.raises(DeviceNotReady, match=r"for other Pythons or machines there are 2\.1, 2\.0"):
        resolved(tmp_path, ["engine"])


def test_a_version_for_a_newer_python_is_not_taken(index: Path, tmp_path: Path) -> None:
    make_wheel(index, "engine", "2.0", requires_python=">=3.10")
    with pytest.raises(DeviceNotReady, match=r"engine 2\.0 needs Python >=3\.10, board has 3\.9\.2"):
        resolved(tmp_path, ["engine"])


def test_a_package_that_nobody_has(index: Path, tmp_path: Path) -> None:
    with pytest.raises(DeviceNotReady, match="no package engine-of-nobody is in the index"):
        resolved(tmp_path, ["engine-of-nobody"])


@pytest.mark.parametrize("text", ["engine ==", "not a requirement", "./gone.whl"])
def test_a_line_that_is_no_requirement(index: Path, tmp_path: Path, text: str) -> None:
    with pytest.raises(BadInput, match="is no requirement"):
        resolved(tmp_path, [text])


def test_an_index_that_is_not_there_is_told_without_its_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And without the password in it."""
    monkeypatch.setenv("PIP_INDEX_URL", "http://user:secret@127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_TIMEOUT", "2")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    with pytest.raises(EarshotError, match="cannot reach the package index for engine") as caught:
        resolved(tmp_path, ["engine"])
    assert not {"secret", "127.0.0.1"} & set(f"{caught.value.message} {caught.value.hint}".replace("/", " ").split())
    assert "secret" not in caught.value.message
