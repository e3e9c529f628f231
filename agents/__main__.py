"""``python3 agent-<sha>.zip VERB``: probe, run, clean. JSON in and out; see agents/wire.

Each verb imports only what it needs: a small board reads Python modules slowly.
"""

import sys

if sys.version_info < (3, 9):  # noqa: UP036 -- the archive may meet an older Python, which must hear why it ends.
    sys.exit(f"the earshot agent needs Python 3.9 or later, this is {sys.version.split()[0]} ({sys.executable})")

import json
import os
from functools import partial
from typing import Any, Callable, Dict, List, NoReturn, Optional

EXIT_OK, EXIT_BAD_REQUEST, EXIT_FAILED, EXIT_FENCED = 0, 2, 3, 4
# As a shell reports a process that Ctrl-C ended.
EXIT_INTERRUPTED = 130

USAGE = """usage: agent VERB [options]
  probe [--root ROOT] [--quick]    print what this device is, one JSON object; quick: runtimes that were tried within
                                   the hour are not tried again, unless something was installed or restarted
  load-step --root ROOT [--seconds S]
                                   find the sign and unit of the battery's gauge, and keep them
  sensors [--every S --count N]    print what each sensor is, then what it says: one JSON object, then one per reading
  doctor --root ROOT               print what here could harm a measurement, one JSON object
  undo-journal --root ROOT         stdin: what to add or drop; print what was changed here and not changed back
  cool --root ROOT                 stdin: CoolRequest; wait until the device is cool, print its temperatures
  run --root ROOT [--from-byte N] [--forget ID,ID]
                                   stdin: RunSpec; start or attach to the session, print its events
  sessions --root ROOT             print the sessions that lie here, running, ended or lost
  forget --root ROOT --ids ID,ID   delete these sessions where they do not run, print which those were
  environments --root ROOT [--named PYTHON]
                                   print what wheels this Python takes, and the environments that are there
  environment-install --root ROOT  stdin: EnvironmentRequest; make it from wheels in the store
  clean --root ROOT [--sessions] [--blobs] [--environments] [--python] [--keep NAME,NAME]
                                   delete sessions that do not run; blobs, stale uploads and, while no session runs,
                                   other versions of this agent; print what was deleted
  engine --root ROOT --kit NAME [--timeout S] [--trtexec PATH]
                                   build a TensorRT engine from a kit in the store, print where it is, one JSON object
  lease-acquire --root ROOT        stdin: LeaseRequest; take the right to start sessions here, print a LeaseAnswer
  lease-beat --root ROOT --token N [--ttl SECONDS]
                                   keep it (for so long); print whether N still has it
  lease-release --root ROOT --token N
                                   give it back; print whether N had it
  lease-show --root ROOT           print a LeaseAnswer: who has it
"""


class UsageError(ValueError):
    """The command line cannot be right."""


def _options(arguments: List[str], valued: List[str], flags: List[str]) -> Dict[str, str]:
    options: Dict[str, str] = {}
    rest = list(arguments)
    while rest:
        name = rest.pop(0)
        if name in valued and rest:
            options[name] = rest.pop(0)
        elif name in flags:
            options[name] = "yes"
        else:
            raise UsageError(f"unexpected {name!r}; known here are {', '.join([*valued, *flags])}")
    return options


def _root(options: Dict[str, str]) -> str:
    if "--root" not in options:
        raise UsageError("--root is needed: the folder of this agent on the device")
    return options["--root"]


def _print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def _read_json() -> Any:
    text = sys.stdin.read()
    try:
        return json.loads(text)
    except ValueError as error:
        raise UsageError(f"stdin must be JSON: {error}; it begins with {text[:80]!r}") from error


def _probe(arguments: List[str]) -> int:
    options = _options(arguments, ["--root"], ["--quick"])
    from agents.probe import probe
    from agents.strict_json import to_json

    _print_json(to_json(probe(options.get("--root", "."), fresh="--quick" not in options)))
    return EXIT_OK


def _sensors(arguments: List[str]) -> int:
    options = _options(arguments, ["--root", "--every", "--count"], [])
    every, count = options.get("--every", "1"), options.get("--count", "1")
    if not count.isdigit() or not every.replace(".", "", 1).isdigit():
        raise UsageError(f"--every must be seconds and --count a whole number, got {every!r} and {count!r}")
    from agents.live import print_readings

    print_readings("/", options.get("--root"), float(every), int(count), _print_json)
    return EXIT_OK


def _load_step(arguments: List[str]) -> int:
    options = _options(arguments, ["--root", "--seconds"], [])
    seconds = options.get("--seconds", "15")
    if not seconds.replace(".", "", 1).isdigit():
        raise UsageError(f"--seconds must be a number, got {seconds!r}")
    from agents.strict_json import to_json
    from agents.teach import load_step

    _print_json(to_json(load_step("/", _root(options), float(seconds))))
    return EXIT_OK


def _doctor(arguments: List[str]) -> int:
    options = _options(arguments, ["--root", "--sysroot"], [])
    from agents.doctor.examine import examine
    from agents.strict_json import to_json

    _print_json(to_json(examine(_root(options), options.get("--sysroot", "/"))))
    return EXIT_OK


def _undo_journal(arguments: List[str]) -> int:
    options = _options(arguments, ["--root"], [])
    from agents.doctor import journal

    _print_json(journal.answer(_root(options), _read_json()))
    return EXIT_OK


def _cool(arguments: List[str]) -> int:
    options = _options(arguments, ["--root", "--sysroot"], [])
    from agents import cooling
    from agents.strict_json import from_json, to_json

    root = options.get("--sysroot", "/")
    request = from_json(cooling.CoolRequest, _read_json())
    state = cooling.wait(request, lambda: cooling.read(root), lambda state: _print_json(to_json(state)))
    _print_json(to_json(state))
    return EXIT_OK


def _probe_runtime(arguments: List[str]) -> int:
    from agents.probe.runtimes import print_runtime

    return print_runtime(arguments)


def _clean(arguments: List[str]) -> int:
    options = _options(arguments, ["--root", "--keep"], ["--sessions", "--blobs", "--environments", "--python"])
    from agents.store import Store

    store = Store(_root(options))
    removed = []
    if "--sessions" in options:
        from agents.claim import clean_sessions

        removed += clean_sessions(store)
    if "--blobs" in options:
        from agents.claim import running

        removed += store.clean_blobs()
        # A session imports as it goes, from the archive that it was started from.
        if not running(store):
            removed += store.clean_archives()
    if "--environments" in options:
        from agents.environments.clean import clean_environments

        keep = [name for name in options["--keep"].split(",") if name] if "--keep" in options else None
        removed += clean_environments(store.root, keep)
    if "--environments" in options or "--python" in options:
        from agents.environments.pythons import clean_pythons

        removed += clean_pythons(store.root, current="--python" in options)
    _print_json(removed)
    return EXIT_OK


def _environments(arguments: List[str]) -> int:
    options = _options(arguments, ["--root", "--named"], [])
    from agents.environments import list_environments
    from agents.environments.python_facts import python_facts
    from agents.strict_json import to_json

    facts = to_json(python_facts(options.get("--named", "")))
    _print_json({"python": facts, "environments": list_environments(_root(options))})
    return EXIT_OK


def _environment_install(arguments: List[str]) -> int:
    options = _options(arguments, ["--root"], [])
    from agents.environments.install import install
    from agents.environments.nouns import EnvironmentRequest
    from agents.strict_json import from_json

    _print_json(install(_root(options), from_json(EnvironmentRequest, _read_json())))
    return EXIT_OK


def _run(arguments: List[str]) -> int:
    options = _options(arguments, ["--root", "--from-byte", "--forget"], [])
    root, from_byte = _root(options), options.get("--from-byte", "0")
    if not from_byte.isdigit():
        raise UsageError(f"--from-byte must be a whole number >= 0, got {from_byte!r}")
    from agents.failure import Fenced
    from agents.start import start_and_follow

    if "--forget" in options:
        _forget_in(root, options["--forget"])
    try:
        return start_and_follow(root, _read_json(), int(from_byte), _write_stdout)
    except Fenced as error:
        return _complain("run", str(error), {}, EXIT_FENCED)


def _lease(action: str, arguments: List[str]) -> int:
    options = _options(arguments, ["--root", "--token", "--ttl"], [])
    from agents.fence_verbs import lease

    _print_json(lease(action, _root(options), options, _read_json))
    return EXIT_OK


def _sessions(arguments: List[str]) -> int:
    options = _options(arguments, ["--root"], [])
    from agents.kept import kept_sessions
    from agents.store import Store
    from agents.strict_json import to_json

    _print_json([to_json(kept) for kept in kept_sessions(Store(_root(options)))])
    return EXIT_OK


def _forget(arguments: List[str]) -> int:
    options = _options(arguments, ["--root", "--ids"], [])
    _print_json(_forget_in(_root(options), options.get("--ids", "")))
    return EXIT_OK


def _forget_in(root: str, ids: str) -> List[str]:
    from agents.kept import forget
    from agents.store import Store

    return forget(Store(root), ids.split(","))


def _write_stdout(line: bytes) -> None:
    view = memoryview(line)
    while view:
        view = view[os.write(1, view) :]


def _engine(arguments: List[str]) -> int:
    options = _options(arguments, ["--root", "--kit", "--timeout", "--trtexec"], [])
    timeout = options.get("--timeout", "600")
    if not timeout.replace(".", "", 1).isdigit():
        raise UsageError(f"--timeout must be seconds, got {timeout!r}")
    from agents.engines.build import build
    from agents.store import Store
    from agents.strict_json import to_json

    name = options.get("--kit", "")
    if os.path.basename(name) != name or not name:
        raise UsageError(f"--kit must be the name of a file in the store, got {name!r}")
    store = Store(_root(options))
    sha256, _, endings = name.partition(".")
    path = store.open_blob(sha256, "." + endings, os.path.getsize(os.path.join(store.blobs, name)))
    _print_json(to_json(build(path, store.root, float(timeout), options.get("--trtexec"))))
    return EXIT_OK


VERBS: Dict[str, Callable[[List[str]], int]] = {
    "probe": _probe,
    "probe-runtime": _probe_runtime,
    "sensors": _sensors,
    "load-step": _load_step,
    "doctor": _doctor,
    "undo-journal": _undo_journal,
    "cool": _cool,
    "run": _run,
    "sessions": _sessions,
    "forget": _forget,
    "clean": _clean,
    "engine": _engine,
    "environments": _environments,
    "environment-install": _environment_install,
    **{f"lease-{action}": partial(_lease, action) for action in ("acquire", "beat", "release", "show")},
}


def run_verb(arguments: List[str]) -> int:
    """The exit code. Errors go to stderr in words, and to stdout as one JSON object (but not from ``run``)."""
    if not arguments or arguments[0] not in VERBS:
        sys.stderr.write(USAGE)
        return EXIT_BAD_REQUEST
    verb = arguments[0]
    try:
        return VERBS[verb](arguments[1:])
    except BrokenPipeError:
        return EXIT_FAILED  # Nobody reads any more; what runs goes on.
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except ValueError as error:
        return _complain(verb, str(error), {}, EXIT_BAD_REQUEST)
    except OSError as error:
        return _complain(verb, f"{verb} failed on the device: {error}", {"errno": error.errno}, EXIT_FAILED)


def _complain(verb: str, message: str, detail: Dict[str, Any], code: int) -> int:
    if verb != "run":
        _print_json({"error": message, **detail})
    sys.stderr.write(f"agent {verb}: {message}\n")
    return code


def main(arguments: Optional[List[str]] = None) -> NoReturn:
    """Entry point of the archive and of ``python3 -m agents``."""
    code = run_verb(sys.argv[1:] if arguments is None else arguments)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.exit(code)


if __name__ == "__main__":
    main()
