"""Becomes adbd, with what a phone's init gives it and without what would leave its namespaces.

A program of its own (``python adbd_launch.py UID PROGRAM ARGS...``). socket(AF_VSOCK) is refused, because adbd listens
on vsock beside TCP and no network namespace contains that. Where it is root it becomes the user UID first, as a
phone's adbd becomes ``shell``.
"""

import ctypes
import os
import platform
import struct
import sys

# linux/audit.h, and the number of socket(2) there.
ARCHITECTURES = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}
# linux/bpf_common.h, linux/seccomp.h, linux/prctl.h
LOAD, JUMP_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, REFUSE = 0x7FFF0000, 0x00050000
AF_VSOCK, EAFNOSUPPORT = 40, 97
SET_SECCOMP, FILTER, NO_NEW_PRIVILEGES = 22, 2, 38
# struct seccomp_data: the system call's number, the architecture, the first argument.
NUMBER_AT, ARCHITECTURE_AT, ARGUMENT_AT = 0, 4, 16


class Program(ctypes.Structure):
    """struct sock_fprog"""

    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def refuse_vsock() -> None:
    architecture, number = ARCHITECTURES[platform.machine()]
    steps = [
        (LOAD, 0, 0, ARCHITECTURE_AT),
        (JUMP_EQUAL, 0, 5, architecture),
        (LOAD, 0, 0, NUMBER_AT),
        (JUMP_EQUAL, 0, 3, number),
        (LOAD, 0, 0, ARGUMENT_AT),
        (JUMP_EQUAL, 0, 1, AF_VSOCK),
        (RETURN, 0, 0, REFUSE | EAFNOSUPPORT),
        (RETURN, 0, 0, ALLOW),
    ]
    code = b"".join(struct.pack("HBBI", *step) for step in steps)
    buffer = ctypes.create_string_buffer(code, len(code))
    program = Program(len(steps), ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    word = ctypes.c_ulong
    if libc.prctl(NO_NEW_PRIVILEGES, word(1), word(0), word(0), word(0)) or libc.prctl(
        SET_SECCOMP, word(FILTER), ctypes.byref(program), word(0), word(0)
    ):
        sys.exit("cannot refuse vsock: " + os.strerror(ctypes.get_errno()))


def become(uid: int) -> None:
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)


if __name__ == "__main__":
    become(int(sys.argv[1]))
    refuse_vsock()
    os.execv(sys.argv[2], sys.argv[2:])
