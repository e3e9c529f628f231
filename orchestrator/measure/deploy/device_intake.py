"""Runs on the device, sent as text to its Python: takes files over one stream, and then becomes a command.

``ROOT PYTHON...``: where this Python is too old, the next of ``PYTHON...`` that is there takes its place. stdin begins
with a length, a newline, and so many bytes: words with NUL between them. The first is the number of files; each file is
its path below the root, its sha256, its size, and ``prove`` where one of that size is not to be believed; what follows
is the command. The answer is a line of JSON, ``{"lacks": [[number of the file, bytes that are there], ...]}``. Then the
missing bytes come, one file after another. Each is proven before it gets its name; what a cut link has left of one is
there the next time. ``{"placed": n}`` follows, and after it what the command says.
"""

# os.path, because pathlib would double the time that this takes to start; so would json.
# ruff: noqa: SIM105, PTH103, PTH105, PTH108, PTH110, PTH111, PTH113, PTH118, PTH119, PTH120, PTH123, PTH202, PTH204
# ruff: noqa: PTH208

import errno
import fcntl
import hashlib
import os
import sys
import time

OLDEST = (3, 9)
UNFIT, BROKEN = 10, 11
NOT_FOUND, NOT_EXECUTABLE = 127, 126
# F_SETPIPE_SZ, which Python names only since 3.10, and what any user may ask for.
SET_PIPE_SIZE, LARGEST_PIPE = 1031, 1 << 20
STALE_UPLOAD_S = 6 * 3600


class Part:
    """A file that is coming. Its bytes stay where the link is cut; where another controller sends the same file, this
    one begins a part of its own.
    """

    def __init__(self, incoming: str, target: str, sha256: str, size: int) -> None:
        self.target, self.sha256, self.size = target, sha256, size
        self.path = os.path.join(incoming, os.path.basename(target) + ".part")
        fd = open_alone(self.path)
        if fd is None:
            self.path += "." + str(os.getpid())
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        self.fd = fd
        self.there = min(os.fstat(self.fd).st_size, size)

    def take(self) -> str:
        """The bytes that are missing, from stdin. Why they did not become the file; empty where they did."""
        digest = hashlib.sha256()
        for at in range(0, self.there, 1 << 20):
            digest.update(os.pread(self.fd, min(1 << 20, self.there - at), at))
        at = self.there
        os.ftruncate(self.fd, at)
        room = os.statvfs(self.path)
        if room.f_bavail * room.f_frsize < self.size - at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        while at < self.size:
            data = os.read(0, min(1 << 20, self.size - at))
            if not data:
                return "the link was lost at byte " + str(at) + " of " + str(self.size)
            digest.update(data)
            waiting = memoryview(data)
            while waiting:
                written = os.pwrite(self.fd, waiting, at)
                at, waiting = at + written, waiting[written:]
        if digest.hexdigest() != self.sha256:
            os.unlink(self.path)
            return "what arrived has sha256 " + digest.hexdigest() + ", expected " + self.sha256
        os.fsync(self.fd)
        os.makedirs(os.path.dirname(self.target), mode=0o700, exist_ok=True)
        os.replace(self.path, self.target)
        return ""


def open_alone(path: str) -> "int | None":
    """The file, and nobody else has it; None where somebody has."""
    while True:
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(fd)
            return None
        if os.fstat(fd).st_nlink:
            return fd
        # Whoever had it has just given it its name.
        os.close(fd)


def is_there(path: str, sha256: str, size: int, prove: bool) -> bool:
    if not os.path.isfile(path) or os.path.getsize(path) != size:
        return False
    if not prove:
        return True
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest() == sha256


def make_folders(root: str) -> "tuple[str, str]":
    """The absolute root with its folder for uploads, old uploads removed."""
    root = os.path.join(os.path.expanduser("~"), os.path.expanduser(root))
    incoming = os.path.join(root, "incoming")
    os.makedirs(incoming, mode=0o700, exist_ok=True)
    for name in os.listdir(incoming):
        path = os.path.join(incoming, name)
        if time.time() - os.path.getmtime(path) > STALE_UPLOAD_S:
            os.unlink(path)
    return root, incoming


def sync_folder(path: str) -> None:
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    except OSError as error:
        # Some file systems cannot sync a folder; they lose nothing by that.
        if error.errno not in (errno.EINVAL, errno.EBADF, errno.EACCES):
            raise
    finally:
        os.close(folder)


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def order() -> "tuple[list[tuple[str, str, int, bool]], list[str]]":
    """Files and command. Nothing follows them until we have answered."""
    data = some()
    while b"\n" not in data:
        data += some()
    head, _, body = data.partition(b"\n")
    while len(body) < int(head):
        body += some()
    count, *words = body.decode("utf-8", "surrogateescape").split("\0")
    end = 4 * int(count)
    files = [(words[at], words[at + 1], int(words[at + 2]), words[at + 3] == "prove") for at in range(0, end, 4)]
    return files, words[end:]


def some() -> bytes:
    data = os.read(0, 1 << 16)
    if not data:
        raise OSError(errno.EPIPE, "the link was lost")
    return data


def take_all(root: str, incoming: str, files: "list[tuple[str, str, int, bool]]") -> str:
    """Why a file could not be taken; empty where all are there."""
    lacking = []
    for number, (name, sha256, size, prove) in enumerate(files):
        if not is_there(os.path.join(root, name), sha256, size, prove):
            lacking.append((number, Part(incoming, os.path.join(root, name), sha256, size)))
    say('{"lacks": ' + str([[number, part.there] for number, part in lacking]) + "}")
    for _, part in lacking:
        try:
            reason = part.take()
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) and os.path.exists(part.path):
                os.unlink(part.path)
            raise
        if reason:
            return reason
    for folder in {os.path.dirname(part.target) for _, part in lacking}:
        sync_folder(folder)
    say('{"placed": ' + str(len(lacking)) + "}")
    return ""


def filled_in(argv: "list[str]", root: str, python: str, paths: "list[str]") -> "list[str]":
    """``paths``: the agent's, and those of ``{files}``."""
    words = []
    for word in argv:
        if word == "{files}":
            words += paths[1:]
            continue
        for name, value in (("{root}", root), ("{python}", python), ("{agent}", paths[0])):
            word = word.replace(name, value)
        words.append(word)
    return words


def become(argv: "list[str]") -> int:
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.chdir(os.path.expanduser("~"))
    try:
        os.execvp(argv[0], argv)
    except OSError as error:
        sys.stderr.write(argv[0] + ": " + str(error.strerror) + "\n")
        return NOT_FOUND if error.errno == errno.ENOENT else NOT_EXECUTABLE


def try_next(root: str, pythons: "list[str]") -> int:
    with open("/proc/self/cmdline", "rb") as line:
        this = line.read().decode().split("\0")
    code = this[this.index("-c") + 1]
    for at, python in enumerate(pythons):
        try:
            os.execvp(os.path.expanduser(python), [python, "-I", "-S", "-c", code, root, *pythons[at + 1 :]])
        except OSError:
            continue
    say('{"python": "' + sys.executable + '", "version": ' + str(list(sys.version_info[:3])) + "}")
    return UNFIT


def main(root: str, *pythons: str) -> int:
    if sys.version_info[:2] < OLDEST:
        return try_next(root, list(pythons))
    try:
        fcntl.fcntl(0, SET_PIPE_SIZE, LARGEST_PIPE)
    except OSError:
        pass  # Not a pipe, or not so large a one: slower, nothing else.
    try:
        root, incoming = make_folders(root)
        files, argv = order()
        reason = take_all(root, incoming, files)
    except OSError as error:
        reason = str(error)
    if reason:
        sys.stderr.write(reason + "\n")
        return BROKEN
    if not argv:
        return 0
    return become(filled_in(argv, root, sys.executable, [os.path.join(root, file[0]) for file in files]))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
