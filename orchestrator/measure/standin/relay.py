"""Carries Ethernet frames between two interfaces of its network namespace, late, out of step or not at all.

A program of its own (``python relay.py LEFT RIGHT``), because it runs in another network namespace. Each line on
stdin is ``{"up": true, "delay_s": 0.01, "jitter_s": 0.0, "loss": 0.0}`` (one way) and is answered with ``ok``; it ends
with its stdin. Packet sockets do it without /dev/net/tun, so it also works in a user namespace.
"""

import heapq
import itertools
import json
import os
import random
import select
import socket
import sys
import time

# linux/if_packet.h
SOL_PACKET, PACKET_VNET_HDR, PACKET_IGNORE_OUTGOING = 263, 15, 23
ETH_P_ALL = 0x0003
# A segmented frame of up to 64 KiB with its headers comes as one.
LARGEST_FRAME = 80_000
# Bytes that may be on their way in one direction: 100 ms at 1.3 Gbit/s. What is more is dropped.
LONGEST_QUEUE = 16 << 20
SOCKET_BUFFER = 8 << 20
# Waits shorter than this are not worth a system call.
SOON_S = 0.00005


class Direction:
    """Frames from ``source`` to ``target``, in order of their time."""

    def __init__(self, source: socket.socket, target: socket.socket) -> None:
        self.source, self.target = source, target
        self.queued_bytes = 0
        self.latest_due_s = 0.0


class Relay:
    def __init__(self, left: socket.socket, right: socket.socket) -> None:
        self.directions = {left.fileno(): Direction(left, right), right.fileno(): Direction(right, left)}
        self.waiting: list[tuple[float, int, Direction, bytes]] = []
        self.order = itertools.count()
        self.up, self.delay_s, self.jitter_s, self.loss = True, 0.0, 0.0, 0.0

    def tell(self, line: bytes) -> None:
        order = json.loads(line)
        self.up, self.loss = bool(order["up"]), float(order["loss"])
        self.delay_s, self.jitter_s = float(order["delay_s"]), float(order["jitter_s"])

    def take(self, direction: Direction, now_s: float) -> None:
        """Up to 64 frames that have arrived get the time when they go on."""
        for _ in range(64):
            try:
                frame = direction.source.recv(LARGEST_FRAME)
            except (BlockingIOError, OSError):
                return
            lost = self.loss and random.random() < self.loss
            if not self.up or lost or direction.queued_bytes > LONGEST_QUEUE:
                continue
            due_s = now_s + self.delay_s + (random.uniform(0, self.jitter_s) if self.jitter_s else 0.0)
            # Jitter delays; it does not reorder, or TCP would take it for loss.
            due_s = direction.latest_due_s = max(due_s, direction.latest_due_s)
            direction.queued_bytes += len(frame)
            heapq.heappush(self.waiting, (due_s, next(self.order), direction, frame))

    def give(self, now_s: float) -> None:
        """Sends what is due. A full queue behind us drops the frame, as a router's does."""
        while self.waiting and self.waiting[0][0] <= now_s + SOON_S:
            _, _, direction, frame = heapq.heappop(self.waiting)
            direction.queued_bytes -= len(frame)
            if self.up:
                try:
                    direction.target.send(frame)
                except OSError:
                    continue

    def run(self, control: int) -> None:
        poll = select.epoll()
        for number in (*self.directions, control):
            poll.register(number, select.EPOLLIN)
        while True:
            wait_s = self.waiting[0][0] - time.monotonic() if self.waiting else None
            if wait_s is not None and wait_s > SOON_S:
                select.select([poll.fileno()], [], [], wait_s)  # epoll itself counts in milliseconds.
            for number, _ in poll.poll(None if wait_s is None else 0):
                if number != control:
                    self.take(self.directions[number], time.monotonic())
                    continue
                lines = os.read(control, 4096)
                if not lines:
                    return
                for line in lines.splitlines():
                    self.tell(line)
                    os.write(1, b"ok\n")
            self.give(time.monotonic())


def packet_socket(interface: str) -> socket.socket:
    """Sees each frame that comes in there, with the offloads that its sender left to the card."""
    made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    made.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    made.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        made.setsockopt(socket.SOL_SOCKET, option, SOCKET_BUFFER)
    made.bind((interface, 0))
    made.setblocking(False)
    return made


if __name__ == "__main__":
    Relay(packet_socket(sys.argv[1]), packet_socket(sys.argv[2])).run(0)
