"""Where utterances open and close, worked out by hand: chunks of 32 ms, 96 ms of quiet, 64 ms of pre-roll."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents import mapped, wire
from agents.cascade_gate import Gate, speech_probability
from agents.contract import Decoder, TensorSpec
from agents.failure import Failure
from tests.agents.device import contract

SIZE, RATE_HZ = 512, 16_000
STAGE = wire.Stage("asr", wire.SPEECH, "echo", "echo", wire.Blob("a" * 64, 1), contract(), 160)
CASCADE = wire.Cascade((STAGE,), threshold=0.5, release=0.3, hangover_ns=96_000_000, pre_roll_ns=64_000_000)


def said(probabilities: list[float]) -> list[tuple[int, str, int]]:
    """(chunk, open or close, at which chunk's begin)."""
    gate = Gate(CASCADE, SIZE, RATE_HZ)
    answers = [(number, gate.push(number, p)) for number, p in enumerate(probabilities)]
    return [(number, answer[0], answer[1] // SIZE) for number, answer in answers if answer is not None]


def test_an_utterance_opens_before_its_first_chunk_and_closes_after_the_quiet() -> None:
    assert said([0.1] * 5 + [0.9] * 4 + [0.1] * 5) == [(5, "open", 3), (11, "close", 12)]


def test_quiet_must_be_in_a_row_and_below_release() -> None:
    # 0.4 is no speech and no quiet either: it breaks the row.
    assert said([0.9, 0.1, 0.1, 0.4, 0.1, 0.1, 0.1]) == [(0, "open", 0), (6, "close", 7)]


def test_what_does_not_reach_the_threshold_opens_nothing() -> None:
    assert said([0.49] * 20) == []


def test_no_sample_is_of_two_utterances() -> None:
    """The second one opens one chunk after the first has closed: its pre-roll would reach into it."""
    assert said([0.9, 0.1, 0.1, 0.1, 0.1, 0.9]) == [(0, "open", 0), (3, "close", 4), (5, "open", 4)]


class _Says:
    def __init__(self, values: Any) -> None:
        self.outputs = (np.array(values, dtype=np.float32),)


def test_the_probability_is_that_of_the_frame_with_the_most_speech() -> None:
    vad = contract(decoder=Decoder("vad", ("speech", "silence")), outputs=(TensorSpec("p", (1, 2)),))
    assert speech_probability(vad, _Says([[0.2, 0.75]]))() == 0.75  # type: ignore[arg-type]
    words = Decoder("keyword", ("yes", "no", "silence"), ignored=("silence",))
    spotter = contract(decoder=words, outputs=(TensorSpec("logits", (1, 2, 3)),))
    logits = np.log([[[0.05, 0.05, 0.9], [0.5, 0.2, 0.3]]])
    assert speech_probability(spotter, _Says(logits))() == pytest.approx(0.7, abs=1e-6)  # type: ignore[arg-type]


def test_a_model_that_says_nothing_of_speech_is_no_gate() -> None:
    text = contract(decoder=Decoder("ctc", ("-", "a")), outputs=(TensorSpec("logits", (1, 1, 2)),))
    with pytest.raises(Failure, match="does not say where speech is"):
        speech_probability(text, _Says([[[0.0, 1.0]]]))  # type: ignore[arg-type]


def test_stages_that_make_no_cascade_are_refused() -> None:
    tokens = replace(STAGE, contract=contract(frontend=replace(contract().frontend, kind="tokens", hop_samples=160)),
                     when=wire.FINAL)  # fmt: skip
    for stages in ((), (tokens,), (STAGE, STAGE), (STAGE, tokens, tokens)):
        with pytest.raises(ValueError, match="one makes text"):
            wire.Cascade(stages)
    with pytest.raises(ValueError, match="takes text, which is there once an utterance has ended"):
        replace(tokens, when=wire.SPEECH)


def test_libraries_are_those_of_the_maps(tmp_path: Path) -> None:
    """Lines as proc(5) documents them; one file is mapped twice, one is gone, one is no library."""
    library, program = tmp_path / "libruntime.so.1", tmp_path / "python3"
    library.write_bytes(b"x" * 700)
    program.write_bytes(b"x")
    (tmp_path / "proc" / "self").mkdir(parents=True)
    (tmp_path / "proc" / "self" / "maps").write_text(
        f"7f5c8a000000-7f5c8a021000 r--p 00000000 08:01 131 {' ' * 20}{library}\n"
        f"7f5c8a021000-7f5c8a031000 r-xp 00021000 08:01 131 {' ' * 20}{library}\n"
        f"7f5c8b000000-7f5c8b021000 r-xp 00000000 08:01 132 {' ' * 20}{tmp_path}/gone.so (deleted)\n"
        f"7f5c8c000000-7f5c8c021000 r-xp 00000000 08:01 133 {' ' * 20}{program}\n"
        "7ffd1b000000-7ffd1b021000 rw-p 00000000 00:00 0                          [stack]\n"
    )
    found = mapped.libraries(str(tmp_path))
    assert found == {str(library): 700}
    assert mapped.brought({}, found) == found
    assert mapped.brought(found, found) == {}
    assert mapped.libraries(str(tmp_path / "none")) is None
    assert mapped.brought(None, found) is None
