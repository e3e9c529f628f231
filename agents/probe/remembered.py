"""What the runtimes said when they were tried last, while nothing has changed that they depend on.

Trying them takes a process and an import for each provider: most of a second here, ten on a small board's card.
"""

import contextlib
import hashlib
import json
import os
import sys
from typing import Any, Callable, Dict, List, Optional, Tuple

import agents
from agents import durable, strict_json, uptime
from agents.backends import NOT_INSTALLED
from agents.device_facts import RuntimeProbe

# Rights of devices and vendors' services can change unseen; nobody is told an old answer for longer than this.
_GOOD_FOR_S = 3600.0
_FILE = "probe-runtimes.json"
Answers = Tuple[RuntimeProbe, ...]


def remembered(store_root: str, ask: Callable[[], Answers], now: Callable[[], uptime.Moment] = uptime.now) -> Answers:
    """The last answers, or those of ``ask``, which are kept below ``store_root`` where all of them will stay as they
    are: a runtime works, or is not installed. One that crashed is asked again."""
    path, key, moment = os.path.join(store_root, _FILE), _key(), now()
    known = _read(path, key, moment)
    if known is not None:
        return known
    answers = ask()
    if answers and all(_will_stay(answer) for answer in answers) and os.path.isdir(store_root):
        note = {"key": key, "asked": strict_json.to_json(moment), "answers": [strict_json.to_json(a) for a in answers]}
        with contextlib.suppress(OSError):  # A full disk: they are asked again next time.
            durable.write_json(path, note)
    return answers


def _will_stay(answer: RuntimeProbe) -> bool:
    return answer.usable or (answer.reason or "").startswith(NOT_INSTALLED)


def _read(path: str, key: str, moment: uptime.Moment) -> Optional[Answers]:
    try:
        with open(path, encoding="utf-8") as file:
            note: Dict[str, Any] = json.load(file)
        asked = strict_json.from_json(uptime.Moment, note["asked"])
        fits = note["key"] == key and uptime.same_boot(asked, moment)
        if not fits or uptime.age_s(asked, moment) > _GOOD_FOR_S:
            return None
        return tuple(strict_json.from_json(RuntimeProbe, answer) for answer in note["answers"])
    except (OSError, ValueError, KeyError, TypeError):
        return None  # Absent, or of another agent.


def _key() -> str:
    """Changes with the agent, the interpreter, what is installed for it or linked to it, and the environment."""
    libraries = ["/etc/ld.so.cache", *sys.path, os.path.dirname(os.path.dirname(os.path.abspath(agents.__file__)))]
    variables = sorted((k, v) for k, v in os.environ.items() if k.startswith(("LD_", "PYTHON")) or k.endswith("PATH"))
    parts: List[Any] = [sys.executable, sys.version, sorted(os.getgroups()), variables]
    parts += [[path, _changed_ns(path)] for path in libraries]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _changed_ns(path: str) -> Optional[int]:
    """A folder changes when something is installed into it."""
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return None
