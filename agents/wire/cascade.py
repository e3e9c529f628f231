"""Mode cascade: several models in one session."""

from dataclasses import dataclass, field
from typing import Dict, Tuple

from agents.contract import StreamContract
from agents.wire.blob import Blob, require
from agents.wire.parts import STEP

# When a stage of mode cascade after the first runs: on the audio of an utterance as it comes, or once it has ended.
SPEECH, FINAL = "speech", "final"
WHENS = (SPEECH, FINAL)
# Whose turn it is where several runs of a cascade wait: those nearest to the microphone, or those that waited longest.
AUDIO_FIRST, FIRST_COME = "audio-first", "first-come"
ORDERS = (AUDIO_FIRST, FIRST_COME)


@dataclass(frozen=True)
class Stage:
    """A model of mode cascade after the first one. One with the front end ``tokens`` gets the text of the stage before
    it, any other one audio.
    """

    name: str
    when: str
    runtime: str
    provider: str
    model: Blob
    contract: StreamContract
    chunk_samples: int
    threads: int = 1
    session_options: Dict[str, str] = field(default_factory=dict)
    parts: Dict[str, Blob] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require(self.when in WHENS, f"when of stage {self.name} must be one of {WHENS}, got {self.when!r}")
        if self.takes_text:
            require(self.when == FINAL, f"stage {self.name} takes text, which is there once an utterance has ended")
        whole = self.contract.search is None or STEP in self.parts
        require(whole, f"stage {self.name} needs the part {STEP!r}: the model's second graph")

    @property
    def takes_text(self) -> bool:
        return self.contract.frontend.kind == "tokens"


@dataclass(frozen=True)
class Cascade:
    """Mode cascade: the spec's own model is the first stage, which hears all of the audio and says where speech is; the
    ``stages`` follow it: one that makes text of an utterance, and at most one that answers it with ``reply_tokens``.

    An utterance opens at the first chunk whose probability of speech reaches ``threshold``, with ``pre_roll_ns`` of the
    audio before it; it closes after ``hangover_ns`` below ``release``. ``first``: what the first stage is called.
    """

    stages: Tuple[Stage, ...]
    first: str = "gate"
    threshold: float = 0.5
    release: float = 0.35
    hangover_ns: int = 300_000_000
    pre_roll_ns: int = 250_000_000
    reply_tokens: int = 16
    order: str = AUDIO_FIRST

    def __post_init__(self) -> None:
        texts = [stage.takes_text for stage in self.stages]
        require(texts in ([False], [False, True]), "after the first stage one makes text, then one may answer it")
        thresholds = (self.release, self.threshold)
        require(0 < self.release <= self.threshold < 1, f"0 < release <= threshold < 1 must hold, got {thresholds}")
        require(self.hangover_ns > 0, f"hangover_ns must be > 0, got {self.hangover_ns}")
        require(self.pre_roll_ns >= 0, f"pre_roll_ns must be >= 0, got {self.pre_roll_ns}")
        require(self.reply_tokens > 0, f"reply_tokens must be > 0, got {self.reply_tokens}")
        require(self.order in ORDERS, f"order must be one of {ORDERS}, got {self.order!r}")
