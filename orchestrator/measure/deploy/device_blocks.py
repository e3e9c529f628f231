"""Runs on the device, sent as text to its Python: takes a large file in blocks that come over several ways at once.

``collect ROOT PATH SHA256 SIZE BLOCK`` prints which blocks are there from an attempt before, as one line of hex, then
proves the others as they come and at the end gives the file its name below the root: whole and on the disk, or not at
all. ``take ROOT PATH SIZE BLOCK`` reads blocks from stdin, each after its number and its length. Between the two lie
the file itself and a map with a byte for each block, both in ``incoming/``: what has arrived is not sent again.
"""

# os.path, because pathlib would double the time that this takes to start.
# ruff: noqa: SIM105, PTH103, PTH105, PTH108, PTH110, PTH118, PTH119, PTH120

import errno
import fcntl
import mmap
import os
import select
import struct
import sys

BROKEN = 11
HEADER = struct.Struct(">II")
# F_SETPIPE_SZ, which Python names only since 3.10.
SET_PIPE_SIZE, LARGEST_PIPE = 1031, 1 << 20
POLL_S = 0.003
# Written to the disk on the way, so that little is left for the end.
SYNC_BYTES = 4 << 20


class Upload:
    """A file that is coming, and its map: made by whoever of those that work on it is first."""

    def __init__(self, root: str, path: str, size: int, block: int) -> None:
        self.path = os.path.join(root, "incoming", os.path.basename(path) + ".blocks")
        self.map_path = self.path + ".map"
        self.target = os.path.join(root, path)
        self.size, self.block = size, block
        self.count = -(-size // block)
        for folder in (os.path.dirname(self.path), os.path.dirname(self.target)):
            os.makedirs(folder, mode=0o700, exist_ok=True)
        # A disk without room says so now, before anything was sent.
        self.file = opened(self.path, size)
        map_file = opened(self.map_path, self.count)
        self.map = mmap.mmap(map_file, self.count)
        os.close(map_file)

    def forget(self) -> None:
        for path in (self.path, self.map_path):
            if os.path.exists(path):
                os.unlink(path)


def opened(path: str, size: int) -> int:
    """A file of this size. Its name holds the hash of its content, so it can only be new, or of this very size.

    The lock, because where a file system cannot reserve room the C library does it by writing zeros.
    """
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(fd, fcntl.LOCK_EX)
    there = os.fstat(fd)
    if not there.st_nlink:
        # Whoever was first found no room and has given up.
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if there.st_size < size:
        os.posix_fallocate(fd, 0, size)
    fcntl.flock(fd, fcntl.LOCK_UN)
    return fd


def take(root: str, path: str, size: int, block: int) -> str:
    """Why a block from stdin could not be kept; empty where all could."""
    upload = None
    try:
        fcntl.fcntl(0, SET_PIPE_SIZE, LARGEST_PIPE)
    except OSError:
        pass  # Not a pipe, or not so large a one: slower, nothing else.
    while True:
        header = exactly(HEADER.size)
        if len(header) < HEADER.size:
            return ""
        # Not before: a lane that gets no block must leave nothing.
        upload = upload or Upload(root, path, size, block)
        number, length = HEADER.unpack(header)
        data = exactly(length)
        if len(data) < length:
            return "the link was lost in a block"
        written = os.pwrite(upload.file, data, number * upload.block)
        if written != length:
            return os.strerror(errno.ENOSPC)
        upload.map[number] = 1


def exactly(length: int) -> bytes:
    """So much of stdin, or less where it ends."""
    parts = []
    while length:
        data = os.read(0, min(length, 1 << 20))
        if not data:
            break
        parts.append(data)
        length -= len(data)
    return b"".join(parts)


def collect(upload: Upload, sha256: str) -> str:
    """Why the file did not become ``target``; empty where it did."""
    sys.stdout.write(bytes(upload.map).hex() + "\n")
    sys.stdout.flush()
    # Only here, and contextlib nowhere: what starts is several Pythons at once, while the blocks already come.
    import hashlib

    digest = hashlib.sha256()
    ended = False
    for number in range(upload.count):
        while not upload.map[number]:
            if ended:
                return "the link was lost at block " + str(number) + " of " + str(upload.count)
            # Whoever sends holds stdin open until all is sent.
            ended = bool(select.select([0], [], [], POLL_S)[0]) and not os.read(0, 1)
        digest.update(os.pread(upload.file, upload.block, number * upload.block))
        if not (number + 1) * upload.block % SYNC_BYTES:
            os.fdatasync(upload.file)
    if digest.hexdigest() != sha256:
        upload.forget()
        return "what arrived has sha256 " + digest.hexdigest() + ", expected " + sha256
    os.fsync(upload.file)
    try:
        os.replace(upload.path, upload.target)
    except FileNotFoundError:
        # The collector of an attempt before, whose link was cut unnoticed, has seen the last block first.
        if not os.path.exists(upload.target):
            raise
    sync_folder(os.path.dirname(upload.target))
    upload.forget()
    return ""


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


def main(verb: str, root: str, path: str, size: str, block: str, sha256: str = "") -> int:
    try:
        if verb == "collect":
            reason = collect(Upload(root, path, int(size), int(block)), sha256)
        else:
            reason = take(root, path, int(size), int(block))
    except OSError as error:
        reason = str(error)
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            give_room_back(root, path)
    if reason:
        sys.stderr.write(reason + "\n")
    return BROKEN if reason else 0


def give_room_back(root: str, path: str) -> None:
    upload = os.path.join(root, "incoming", os.path.basename(path) + ".blocks")
    for name in (upload, upload + ".map"):
        if os.path.exists(name):
            os.unlink(name)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
