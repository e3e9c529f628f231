"""Flags, labs and folders that cannot be meant: refused before anything is exported or measured."""

from pathlib import Path

import pytest

from orchestrator.domain.study import Study
from orchestrator.ledger.ledger import Ledger
from tests.orchestrator.cli.command import BAD_INPUT, LEDGER, assert_refused, assert_sound, earshot
from tests.orchestrator.cli.conftest import MountTmpfs, fill, make_read_only

SEE_HELP = "--help shows what it takes"
ELSEWHERE = "give a folder that you may write to"

# Arguments, what the message says, what it says to do next.
FLAGS: list[tuple[str, str, str]] = [
    ("tune mini --max-p50-ms 5 --max-p99-ms 1", "max_p50_ms 5 is above max_p99_ms 1", "swap the two"),
    ("tune mini --minimize latencies", "minimize must be one of latency", "--max-quality-loss"),
    ("tune mini --weigh latency=2,enrgy=1", "got 'enrgy' (did you mean energy?)", "--max-quality-loss"),
    ("tune mini --preset wakeword", "did you mean wake-word?", "earshot select --presets"),
    (
        "tune mini --preset batch --min-streams 2",
        "min_streams is about chunks that come on the clock",
        "service or rtf",
    ),
    (
        "tune mini --max-quality-loss 0.01",
        "24 items in split test, where one error is 4.17 %: it cannot tell a loss of 1 %",
        "add 275 more items, or allow more: --max-quality-loss 0.042",
    ),
    ("tune mini --constraints gone.toml", "cannot read the constraints gone.toml: No such file", "check the path"),
    (
        "tune mini --recipe onnx:int8-qdq(activatio=u8)",
        "int8-qdq has no option 'activatio'",
        "did you mean activation?",
    ),
    ("tune mini --recipe qdq!", "cannot read the recipe 'qdq!'", "write it like onnx:int8-qdq("),
    ("tune mini --chunk-ms 7", "mini cannot be fed in chunks of 7 ms", "--chunk-ms can be 10, 20, 40, 80 for it"),
    ("tune mini --budget-minutes nan", "budget_s must be > 0 and finite, got nan", SEE_HELP),
    ("tune mini --device pi5", "there is no device 'pi5' and no lab file was given", "known are local"),
    ("tune mini --lab gone.toml", "there is no lab file gone.toml", "leave it out"),
    ("run mini --seconds inf", "seconds must be > 0 and finite, got inf", SEE_HELP),
    ("run mini --theads 2", "No such option", "earshot run --help"),
    ("models exprot mini", "No such command 'exprot'", "earshot models --help"),
]


@pytest.mark.parametrize(("line", "message", "then"), FLAGS, ids=[line for line, _, _ in FLAGS])
def test_a_flag_that_cannot_be_meant(line: str, message: str, then: str, results: Path, home: Path) -> None:
    folder = ("--results", str(results)) if line.split()[0] in ("tune", "run") else ()
    done = earshot(*line.split(), *folder, home=home)
    assert_refused(done, BAD_INPUT, message, then=then)
    assert "exporting" not in done.stderr
    assert_sound(results)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            '[devices.pi]\nhost = "pi"\ncolour = "red"\nhots = "x"\n',
            ("2 problem(s)", "line 3: [devices.pi] unknown key 'colour'", "did you mean 'host'?"),
        ),
        ('[devices.pi]\nhost = "pi"\npassword = "x"\n', ("line 3", "use a key file or the SSH agent")),
        ("[devices.pi\n", ("cannot read the lab file",)),
        ('[devcies.pi]\nhost = "pi"\n', ("did you mean 'devices'?",)),
    ],
    ids=["unknown keys", "a password", "not TOML", "unknown table"],
)
def test_a_lab_file_that_is_wrong(text: str, parts: tuple[str, ...], tmp_path: Path, home: Path) -> None:
    lab = tmp_path / "lab.toml"
    lab.write_text(text)
    done = earshot("devices", "probe", "pi", "--lab", str(lab), home=home)
    assert_refused(done, BAD_INPUT, str(lab), *parts, then="")


@pytest.mark.parametrize(
    ("line", "below", "then"),
    [
        ("tune kws", "", SEE_HELP),
        ("tune kws", "/below", ELSEWHERE),
        ("run kws", "/below", ELSEWHERE),
        ("models export kws", "/below", ELSEWHERE),
    ],
)
def test_results_that_are_a_file(line: str, below: str, then: str, tmp_path: Path, home: Path) -> None:
    (tmp_path / "notes").write_text("mine")
    done = earshot(*line.split(), "--results", f"{tmp_path}/notes{below}", home=home)
    assert_refused(done, BAD_INPUT, f"{tmp_path}/notes", then=then)
    assert (tmp_path / "notes").read_text() == "mine"


@pytest.mark.parametrize("below", ["", "below"])
def test_results_that_cannot_be_written(below: str, mount_tmpfs: MountTmpfs, home: Path) -> None:
    folder = mount_tmpfs(256)
    make_read_only(folder)
    done = earshot("run", "kws", "--results", str(folder / below), home=home)
    assert_refused(done, BAD_INPUT, str(folder / below), then=ELSEWHERE)


def test_a_full_disk_here(mount_tmpfs: MountTmpfs, home: Path) -> None:
    folder = mount_tmpfs(64)
    fill(folder)
    done = earshot("run", "kws", "--seconds", "1", "--results", str(folder), home=home)
    assert_refused(done, LEDGER, str(folder / "ledger.db"), "disk", then="then run the same command again")
    (folder / "filler").unlink()
    assert_sound(folder)


def test_select_and_report_before_any_study(tmp_path: Path, home: Path) -> None:
    for verb in ("select", "report"):
        done = earshot(verb, "--results", str(tmp_path), home=home)
        assert_refused(done, LEDGER, f"there is no ledger at {tmp_path}/ledger.db", then="earshot tune")
        assert not (tmp_path / "ledger.db").exists()


def test_a_ledger_that_is_none(tmp_path: Path, home: Path) -> None:
    (tmp_path / "ledger.db").write_bytes(b"not a database, however long it may be " * 100)
    done = earshot("ledger", "studies", "--results", str(tmp_path), home=home)
    assert_refused(done, LEDGER, "it is not a ledger", then="earshot-results")


def study(results: Path, workflow: str) -> str:
    """The id of a study that has only begun."""
    with Ledger.open(results / "ledger.db") as ledger:
        begun = Study(f"of-{workflow}", "mini", "local", "2026-01-01T00:00:00+00:00", {"workflow": workflow})
        ledger.begin_study(begun)
    return begun.study_id


@pytest.mark.parametrize(
    ("verb", "message"),
    [("select", "study of-tune was interrupted before its first"), ("report", "study of-tune was interrupted before")],
)
def test_a_study_that_was_interrupted_at_once(verb: str, message: str, tmp_path: Path, home: Path) -> None:
    study(tmp_path, "tune")
    study(tmp_path, "run")
    done = earshot(verb, "--results", str(tmp_path), home=home)
    assert_refused(done, BAD_INPUT, message, then="earshot tune mini --device local")
    assert not (tmp_path / "report.html").exists()


def test_a_session_is_no_study_to_decide(tmp_path: Path, home: Path) -> None:
    done = earshot("select", study(tmp_path, "run"), "--results", str(tmp_path), home=home)
    assert_refused(done, BAD_INPUT, "study of-run is one session of earshot run", then="ledger percentiles of-run")
    done = earshot("select", "--results", str(tmp_path), home=home)
    assert_refused(done, BAD_INPUT, "holds no study of earshot tune yet", then="earshot tune")
    done = earshot("report", "nope", "--results", str(tmp_path), home=home)
    assert_refused(done, BAD_INPUT, "no study 'nope'", then="none")
