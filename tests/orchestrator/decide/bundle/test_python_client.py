"""The Python client of a bundle, as it is shipped and with nothing of Earshot, hears what the agent hears."""

import subprocess
import sys
import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from agents.contract import Decoder, Frontend, StatePair, StreamContract, TensorSpec
from agents.decode import Event
from orchestrator.make.models import reference
from orchestrator.make.quality.audio import write_wav
from orchestrator.make.quality.evaluation import load_evaluation
from tests import graphs
from tests.orchestrator.decide.bundle import transducers
from tests.orchestrator.decide.bundle.bundles import bundle_of, frame_s, heard_by_agent, speech_of

LEXICON = reference.lexicon_path("gesture-rnnt")
VOICE = StreamContract(
    model="voice",
    sample_rate_hz=16_000,
    chunk_samples=512,
    allowed_chunk_samples=(512,),
    frontend=Frontend("pcm"),
    input=TensorSpec("pcm", (1, 512)),
    states=(StatePair("level_in", "level_out", (1, 1)),),
    outputs=(TensorSpec("speech", (1, 1)),),
    decoder=Decoder("vad", ("speech", "silence"), refractory_frames=3),
)


def swiped(words: int) -> NDArray[np.int16]:
    """The first swipes of gesture-rnnt's evaluation set, each followed by a lifted finger."""
    rate = transducers.SWIPES.sample_rate_hz
    evaluation = load_evaluation(reference.manifest_path("gesture-rnnt"), rate)
    lifted = np.zeros(2 * transducers.SWIPES.chunk_samples, np.int16)
    return np.concatenate(
        [part for u in evaluation.utterances_of("test")[:words] for part in (evaluation.samples(u), lifted)]
    )


def run(bundle: Path, audio: Path, *options: str) -> list[str]:
    """What ``python -m earshot_stream`` prints, line by line; PYTHONPATH and the like are not there for it."""
    done = start(bundle, audio, *options)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def start(bundle: Path, audio: Path, *options: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-E", "-s", "-m", "earshot_stream", str(audio), *options]
    place = bundle / "clients" / "python"
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120, cwd=place)


def lines(events: Sequence[Event], step_s: float) -> list[str]:
    """As the client should print them."""
    return [
        f"{(e['frame'] + 1) * step_s:8.2f} s  {e['label']}  {e['score']:.3f}"
        + "".join(f"  {w['word']} {w['score']:.3f}" for w in e.get("words", [])[1:])
        for e in events
    ]


class TestOneGraph:
    @pytest.mark.parametrize("model", ["kws", "digits-lstm"])
    def test_it_hears_what_the_agent_hears(self, tmp_path: Path, model: str) -> None:
        path, samples = reference.onnx_path(model), speech_of(model)
        write_wav(tmp_path / "speech.wav", samples, 16_000)
        said = run(bundle_of(model, tmp_path, path), tmp_path / "speech.wav")
        events = heard_by_agent(reference.load_contract(model), path, samples)
        assert len(events) >= 5
        assert [line.split()[:3:2] for line in said] == [line.split()[:3:2] for line in lines(events, frame_s(model))]

    @pytest.mark.parametrize("model", ["kws", "digits-lstm"])
    def test_litert_hears_the_same(self, tmp_path: Path, model: str) -> None:
        samples = speech_of(model)
        write_wav(tmp_path / "speech.wav", samples, 16_000)
        bundle = bundle_of(model, tmp_path, reference.tflite_path(model), "litert:fp32", "litert")
        events = heard_by_agent(reference.load_contract(model), reference.onnx_path(model), samples)
        assert [line.split()[2] for line in run(bundle, tmp_path / "speech.wav")] == [e["label"] for e in events]

    def test_speech_begins_and_ends_where_the_agent_says(self, tmp_path: Path) -> None:
        graph = graphs.save(transducers.voice_graph(), tmp_path / "voice.onnx")
        loud = (np.arange(8 * 16_000) // 16_000 % 2 == 1).astype(np.float64)
        samples = (graphs.babble(8.0) * loud).astype(np.int16)
        write_wav(tmp_path / "speech.wav", samples, 16_000)
        said = run(bundle_of("voice", tmp_path, graph, contract=VOICE), tmp_path / "speech.wav")
        events = heard_by_agent(VOICE, graph, samples)
        assert len(events) >= 6
        assert said == lines(events, VOICE.chunk_s())


class TestTransducer:
    @pytest.mark.parametrize("beam", [1, 4])
    def test_both_searches_hear_what_the_agent_s_do(self, tmp_path: Path, beam: int) -> None:
        contract, encoder, step = transducers.speech(beam, tmp_path)
        samples = graphs.babble(3.1)
        write_wav(tmp_path / "said.wav", samples, 16_000)
        bundle = bundle_of(contract.model, tmp_path, encoder, contract=contract, step=step)
        events = heard_by_agent(contract, encoder, samples, step=step)
        assert len(events) >= 5
        assert run(bundle, tmp_path / "said.wav") == lines(events, 0.01)

    def test_swiped_words_are_ranked_as_the_agent_ranks_them(self, tmp_path: Path) -> None:
        contract, encoder, step = transducers.swipes(tmp_path)
        samples = swiped(6)
        write_wav(tmp_path / "swipes.wav", samples, 200)
        bundle = bundle_of(contract.model, tmp_path, encoder, contract=contract, step=step, lexicon=LEXICON)
        events = heard_by_agent(contract, encoder, samples, step=step, lexicon=LEXICON)
        assert len(events) == 6
        assert sum(len(e["words"]) for e in events) > 20, "with one word each, no ranking is tested"
        assert run(bundle, tmp_path / "swipes.wav") == lines(events, 0.04)

    def test_a_user_s_words_are_followed_beside_the_lexicon(self, tmp_path: Path) -> None:
        contract, encoder, step = transducers.swipes(tmp_path, prior_weight=0.6)
        samples = swiped(4)
        write_wav(tmp_path / "swipes.wav", samples, 200)
        bundle = bundle_of(contract.model, tmp_path, encoder, contract=contract, step=step, lexicon=LEXICON)
        plain = heard_by_agent(contract, encoder, samples, step=step, lexicon=LEXICON)
        # A new word that is near to what was swiped, and a known one that the user types more often than others do.
        near, known = plain[0]["label"] + "z", plain[1]["words"][-1]["word"]
        own = tmp_path / "own.csv"
        own.write_text(f"word,count\n{near},3\n{known},50\n")
        events = heard_by_agent(contract, encoder, samples, step=step, lexicon=LEXICON, user_lexicon=own)
        assert events != plain
        assert run(bundle, tmp_path / "swipes.wav", "--words", str(own)) == lines(events, 0.04)


class TestBundle:
    def test_a_file_that_was_changed_is_refused(self, tmp_path: Path) -> None:
        bundle = bundle_of("kws", tmp_path, reference.onnx_path("kws"))
        (bundle / "contract.json").write_text((bundle / "contract.json").read_text() + " ")
        done = start(bundle, tmp_path / "any.wav")
        assert done.returncode != 0
        assert "is not the file that the manifest names" in done.stderr

    def test_audio_of_another_form_is_refused(self, tmp_path: Path) -> None:
        bundle = bundle_of("kws", tmp_path, reference.onnx_path("kws"))
        with wave.open(str(tmp_path / "stereo.wav"), "wb") as file:
            file.setparams((2, 2, 16_000, 0, "NONE", ""))
        done = start(bundle, tmp_path / "stereo.wav")
        assert (done.returncode, "must be mono, 16 bit, 16000 Hz" in done.stderr) == (1, True)

    def test_words_of_a_user_need_a_model_that_ranks_words(self, tmp_path: Path) -> None:
        bundle = bundle_of("kws", tmp_path, reference.onnx_path("kws"))
        (tmp_path / "own.csv").write_text("word,count\nyes,1\n")
        done = start(bundle, tmp_path / "any.wav", "--words", str(tmp_path / "own.csv"))
        assert done.returncode != 0
        assert "a keyword decoder tells no words" in done.stderr
