"""The stage of a cascade that answers: token by token, one run each."""

from collections import deque
from typing import Any, Callable, Deque, List, Optional, Tuple

from agents import cascade_arrays as arrays
from agents.backends.base import Backend
from agents.cascade_lanes import Log, Now, Utterance


class Replier:
    """The stage that answers a text: its tokens as the prompt, then ``reply_tokens`` of its own, each the likeliest.

    One token a run: between two of them the server may turn to something else. ``prompt_of`` makes ids of a text.
    """

    def __init__(self, backend: Backend, reply_tokens: int, prompt_of: Callable[[str], List[int]]) -> None:
        self._backend, self._reply_tokens, self._prompt_of = backend, reply_tokens, prompt_of
        self._waiting: Deque[Tuple[Utterance, List[int]]] = deque()
        self._done_ns, self._at = 0, 0
        self._reply: List[int] = []

    def ask(self, utterance: Utterance, text: str) -> None:
        """An utterance in which nothing was understood is not answered."""
        prompt = self._prompt_of(text)
        if prompt:
            self._waiting.append((utterance, prompt))

    def since(self) -> Optional[Tuple[int, int]]:
        if not self._waiting:
            return None
        text_ns = self._waiting[0][0].text_ns
        # The tokens of a reply wait for each other, and all of them since the text was there.
        return max(text_ns, self._done_ns), text_ns

    def run(self, now: Now, log: Log) -> None:
        utterance, prompt = self._waiting[0]
        backend, at = self._backend, self._at
        ready_ns = max(utterance.text_ns, self._done_ns)
        token = prompt[at] if at < len(prompt) else self._reply[-1]
        issue = now()
        if at == 0:
            backend.reset()
        backend.input[...] = token
        fed = now()
        backend.step()
        ran = now()
        if at >= len(prompt) - 1:
            self._reply.append(int(backend.outputs[0].reshape(-1, backend.outputs[0].shape[-1])[-1].argmax()))
        done = now()
        kind = arrays.PROMPT if at < len(prompt) else arrays.TOKEN
        log.add((2, kind, utterance.number, at), ready_ns, ready_ns, issue, fed, ran, done)
        self._at, self._done_ns = at + 1, done
        if len(self._reply) == self._reply_tokens:
            utterance.reply = tuple(self._reply)
            self._waiting.popleft()
            self._at, self._reply = 0, []


def prompt_of_bytes(vocabulary: int) -> Callable[[str], List[int]]:
    """A token for each byte of the text: a device has no model's tokenizer, and a cascade measures time."""
    return lambda text: [byte % vocabulary for byte in text.encode()]


def text_of(heard: Any) -> str:
    """What an utterance said: the decoder's text, or the labels of its events."""
    text = heard["text"]
    return str(text) if text is not None else " ".join(event["label"] for event in heard["events"])
