"""What ONNX Runtime writes to stderr while it loads a graph: the only place where it says why nodes went elsewhere."""

import os
import re
import stat
from contextlib import contextmanager
from typing import Iterator, List, Optional

# ``[W:onnxruntime:, file.cc:12 Function] text``, which may stand between codes for colours.
_LINE = re.compile(r"\[(?P<level>[VIWEF]):onnxruntime:[^\]]*\] ?(?P<text>[^\x1b]*)")
# How a line begins that gives a reason, as QNN's GetCapability writes it after one that names the node.
_REASON = re.compile(r"^\s*REASON\s*:\s*(?P<text>.+)$")
_MOST_REASONS, _MOST_CHARS = 4, 200


class Heard:
    """The text, once ``listening`` is over."""

    text: str = ""

    def errors(self) -> Optional[str]:
        """The last error that it logged; None where it logged none."""
        found = [m["text"].strip() for m in map(_LINE.search, self.text.splitlines()) if m and m["level"] in "EF"]
        # A function's whole signature may come before it.
        return found[-1].rpartition("[ERROR] ")[2][-_MOST_CHARS:] if found else None

    def reasons(self) -> List[str]:
        """Why a provider refused nodes, in its own words, each once."""
        found = [m["text"].strip()[:_MOST_CHARS] for m in map(_REASON.match, self.text.splitlines()) if m]
        return list(dict.fromkeys(found))[:_MOST_REASONS]


@contextmanager
def listening() -> Iterator[Heard]:
    """What is written meanwhile, also by native code, where stderr is a file as a session's is; else nothing is heard.

    It is read back from there, so that a crash leaves the log as it would have been.
    """
    heard, start = Heard(), _size()
    try:
        yield heard
    finally:
        if start is not None:
            with open("/proc/self/fd/2", "rb") as log:
                log.seek(start)
                heard.text = log.read().decode(errors="replace")


def _size() -> Optional[int]:
    """Of the file that stderr is; None where it is none, or cannot be read back."""
    about = os.fstat(2)
    return about.st_size if stat.S_ISREG(about.st_mode) and os.access("/proc/self/fd/2", os.R_OK) else None


def message_of(error: BaseException) -> str:
    """On one line, without the place in the runtime's source where that comes before what it says."""
    text = " ".join(str(error).split())
    return text[max(0, text.find("[ONNXRuntimeError]")) :][:500]
