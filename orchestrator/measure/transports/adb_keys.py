"""RSA keys of ADB: which one is ours, its signature, and its public half as adbd writes it (by adb-shell)."""

import base64
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from adb_shell.auth import keygen
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa, utils

from orchestrator.errors import LoginRefused
from orchestrator.measure.transports.base import shell_line, whole_file

DEFAULT_KEY = Path("~/.android/adbkey")
KEY_BITS, EXPONENT = 2048, 65537


@dataclass(frozen=True)
class AdbKey:
    """A private key in memory; ``path`` is all that messages may tell of it, and the public half's fingerprint."""

    path: Path
    _private: rsa.RSAPrivateKey
    _public: bytes

    def __repr__(self) -> str:
        return f"AdbKey({self.path})"

    def sign(self, token: bytes) -> bytes:
        """adbd's 20 random bytes stand for the SHA-1 that a signature is made of."""
        return self._private.sign(token, padding.PKCS1v15(), utils.Prehashed(hashes.SHA1()))

    def public_line(self) -> bytes:
        """A line of ``/data/misc/adb/adb_keys``: the key, and who has it."""
        return base64.b64encode(self._public) + str(keygen.get_user_info()).encode()

    def fingerprint(self) -> str:
        """As the phone's question shows it."""
        digest = hashlib.md5(self._public, usedforsecurity=False).hexdigest().upper()
        return ":".join(digest[i : i + 2] for i in range(0, len(digest), 2))


def load_key(path: Path | None) -> AdbKey:
    """Raises LoginRefused where there is no usable key; the message never holds any of it."""
    file = (path or DEFAULT_KEY).expanduser()
    make = f"make one with: {shell_line(['adb', 'keygen', str(file)])}, or see docs/how-to/android-adb.md"
    try:
        private = serialization.load_pem_private_key(file.read_bytes(), password=None)
    except FileNotFoundError as exc:
        raise LoginRefused(f"there is no ADB key {file}", hint=make) from exc
    except OSError as exc:
        raise LoginRefused(f"cannot read the ADB key {file}: {exc.strerror}", hint="whose file is it?") from exc
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # Without its cause: that could quote the file.
        raise LoginRefused(f"{file} is no ADB key (an RSA key in PEM without a passphrase)", hint=make) from None
    if not isinstance(private, rsa.RSAPrivateKey) or private.key_size != KEY_BITS:
        raise LoginRefused(f"{file} is no ADB key: that is RSA with {KEY_BITS} bits", hint=make)
    return AdbKey(file, private, keygen.encode_pubkey(str(file)))


def make_key(path: Path) -> AdbKey:
    """As ``adb keygen`` does: a new key at ``path``, readable by its user alone, its public half at ``path``.pub."""
    private = rsa.generate_private_key(public_exponent=EXPONENT, key_size=KEY_BITS)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with whole_file(path) as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(pem)
    key = AdbKey(path, private, keygen.encode_pubkey(str(path)))
    with whole_file(path.with_name(path.name + ".pub")) as file:
        file.write(key.public_line() + b"\n")
    return key
