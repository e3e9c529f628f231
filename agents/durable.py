"""Files that are whole or absent: written under a temporary name, synced, renamed."""

import errno
import json
import os
from typing import Any, Optional

# Quota and RLIMIT_FSIZE stop a writer just as a full disk does.
FULL_DISK_ERRNOS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def is_full_disk(error: BaseException) -> bool:
    """True where ``error`` says that the file system takes no more bytes."""
    return isinstance(error, OSError) and error.errno in FULL_DISK_ERRNOS


def sync_directory(path: str) -> None:
    """Make renames in ``path`` survive a power cut. Some file systems refuse to sync a directory; they lose nothing."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EBADF, errno.EACCES):
            raise
    finally:
        os.close(fd)


def write_file(path: str, data: bytes) -> None:
    """Replace ``path`` by ``data``, all or nothing. Raises OSError and leaves no temporary file."""
    temporary = f"{path}.{os.getpid()}.part"
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError:
        remove(temporary)
        raise
    sync_directory(os.path.dirname(path) or ".")


def write_json(path: str, value: Any) -> None:
    write_file(path, (json.dumps(value) + "\n").encode())


def remove(path: str) -> bool:
    """Delete a file; False where there was none."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return False
    return True


def size_of(path: str) -> Optional[int]:
    """Size of a regular file, None where there is none."""
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return status.st_size
