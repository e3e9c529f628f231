"""A connection to adbd: handshake, authorization, and any number of streams over it."""

import errno
import itertools
import threading

from orchestrator.errors import LoginRefused
from orchestrator.measure.transports.adb_keys import AdbKey
from orchestrator.measure.transports.adb_stream import RECEIVE_WINDOW_BYTES, AdbStream
from orchestrator.measure.transports.adb_wire import (
    AUTH,
    AUTH_PUBLIC_KEY,
    AUTH_SIGNATURE,
    AUTH_TOKEN,
    CLSE,
    CNXN,
    MAX_PAYLOAD_BYTES,
    NO_CHECKSUM_VERSION,
    OKAY,
    OPEN,
    STLS,
    VERSION,
    WRTE,
    Data,
    Link,
    NotAdb,
    Packet,
    read_packet,
    write_packet,
)

HANDSHAKE_TIMEOUT_S = 10.0
# How long somebody may take to answer the question on the phone's screen.
ACCEPT_TIMEOUT_S = 20.0
# What this side understands; adbd offers it where it does too (AOSP packages/modules/adb/transport.cpp).
OUR_FEATURES = ("shell_v2", "cmd", "delayed_ack")


class AdbConnection:
    """Owns ``link``. Several threads may open streams; each stream may have a thread of its own.

    Raises LoginRefused for a key that the device does not know, ConnectionError and TimeoutError for the link.
    """

    def __init__(self, link: Link, place: str, key: AdbKey) -> None:
        self.place = place
        self._link = link
        self._writing = threading.Lock()
        self._streams: dict[int, AdbStream] = {}
        self._streams_lock = threading.Lock()
        self._ids = itertools.count(1)
        self._failure: Exception | None = None
        self.delayed_ack = False
        self.max_payload_bytes = MAX_PAYLOAD_BYTES
        self._checked = True
        try:
            self._greet(self._log_in(key))
        except BaseException:
            link.close()
            raise
        self._reader = threading.Thread(target=self._read, name=f"adb {place}", daemon=True)
        self._reader.start()

    def _log_in(self, key: AdbKey) -> Packet:
        """The device's CNXN."""
        features = f"host::features={','.join(OUR_FEATURES)}".encode()
        self.write(CNXN, VERSION, MAX_PAYLOAD_BYTES, features)
        answer = self._answer(HANDSHAKE_TIMEOUT_S)
        if answer.command == AUTH:
            self.write(AUTH, AUTH_SIGNATURE, 0, key.sign(bytes(answer.payload)))
            answer = self._answer(HANDSHAKE_TIMEOUT_S)
        if answer.command == AUTH:
            # Not a known key. Its public half makes the phone ask its user; nobody else can answer.
            self.write(AUTH, AUTH_PUBLIC_KEY, 0, key.public_line() + b"\0")
            answer = self._accepted(key)
        return answer

    def _answer(self, timeout_s: float) -> Packet:
        packet = read_packet(self._link, timeout_s)
        while packet.command in (OKAY, WRTE, CLSE):
            # On USB: what was on its way to whoever held the cable before us.
            packet = read_packet(self._link, timeout_s)
        if packet.command == STLS:
            raise LoginRefused(
                f"{self.place} wants ADB over TLS, which is Android's wireless debugging",
                hint="pair with it by adb pair, keep that adb server running, and name it by adb_server in lab.toml; "
                "or use a cable; or type adb tcpip 5555 by cable once",
            )
        if packet.command == CNXN or (packet.command == AUTH and packet.arg0 == AUTH_TOKEN):
            return packet
        raise NotAdb(f"it answered the greeting with {packet.command:#x}")

    def _accepted(self, key: AdbKey) -> Packet:
        refused = LoginRefused(
            f"{self.place} does not know the key {key.path} ({key.fingerprint()})",
            hint="unlock the phone and accept this key on its screen (USB debugging), always for this computer; "
            "then try again",
        )
        try:
            answer = self._answer(ACCEPT_TIMEOUT_S)
        except (TimeoutError, ConnectionError) as exc:
            raise refused from exc
        if answer.command != CNXN:
            raise refused
        return answer

    def _greet(self, answer: Packet) -> None:
        banner = bytes(answer.payload).rstrip(b"\0").decode("utf-8", "replace")
        found = dict(item.partition("=")[::2] for item in banner.partition("::")[2].split(";"))
        self.features = frozenset(found.get("features", "").split(","))
        self._checked = min(answer.arg0, VERSION) < NO_CHECKSUM_VERSION
        self.max_payload_bytes = min(answer.arg1, MAX_PAYLOAD_BYTES)
        # What only one side knows is not used.
        self.delayed_ack = "delayed_ack" in self.features & set(OUR_FEATURES)

    def open(self, service: str, timeout_s: float) -> AdbStream:
        """A stream to a service of adbd. Raises ConnectionRefusedError where it has no such service, TimeoutError."""
        stream = AdbStream(self, next(self._ids))
        stream.settimeout(timeout_s)
        with self._streams_lock:
            self._streams[stream.local_id] = stream
        if self._failure:
            stream.on_end(self._failure)
        try:
            window = RECEIVE_WINDOW_BYTES if self.delayed_ack else 0
            self.write(OPEN, stream.local_id, window, service.encode("utf-8", "surrogateescape") + b"\0")
            if not stream.wait_until_open():
                raise ConnectionRefusedError(f"no answer from {service.partition(':')[0]} there")
        except BaseException:
            stream.close()
            raise
        return stream

    def write(self, command: int, local_id: int, remote_id: int, payload: Data = b"") -> None:
        with self._writing:
            try:
                write_packet(self._link, command, local_id, remote_id, payload, checked=self._checked)
            except OSError as exc:
                # Half a packet may have gone: nothing after it could be understood. The reader tells all streams.
                self._failure = self._failure or exc
                self._link.close()
                raise ConnectionResetError(errno.ECONNRESET, f"the link was lost: {exc}") from exc

    def forget(self, local_id: int) -> None:
        with self._streams_lock:
            self._streams.pop(local_id, None)

    @property
    def alive(self) -> bool:
        return self._reader.is_alive() and self._failure is None

    def close(self) -> None:
        self._link.close()
        if threading.current_thread() is not self._reader:
            self._reader.join()

    def _read(self) -> None:
        failure: Exception
        try:
            while True:
                self._deliver(read_packet(self._link, None))
        except Exception as exc:
            failure = exc
        self._failure = self._failure or failure
        self._link.close()
        with self._streams_lock:
            left = list(self._streams.values())
        for stream in left:
            stream.on_end(self._failure)

    def _deliver(self, packet: Packet) -> None:
        with self._streams_lock:
            stream = self._streams.get(packet.arg1)
        if stream is None:
            return  # We have closed it; what was on the way has no reader.
        if packet.command == OKAY:
            stream.on_okay(packet.arg0, packet.payload)
        elif packet.command == WRTE:
            stream.on_data(packet.payload)
        elif packet.command == CLSE:
            stream.on_end(None)
            self.forget(packet.arg1)
