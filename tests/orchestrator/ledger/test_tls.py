"""A ledger over TLS, with an authority made for the test: what the URL asks for is held, each refusal has its words."""

import datetime
import ipaddress
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sqlalchemy import text

from orchestrator.errors import LedgerAway, LedgerError
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.place import place_named
from tests.orchestrator.ledger import ledger_samples as samples
from tests.postgres import Postgres, postgres

_DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Signed:
    """A key and its certificate, in files."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    def write(self, folder: Path, name: str) -> tuple[Path, Path]:
        folder.mkdir(exist_ok=True)
        certificate, key = folder / f"{name}.crt", folder / f"{name}.key"
        certificate.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))
        plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        key.write_bytes(self.key.private_bytes(serialization.Encoding.PEM, *plain))
        key.chmod(0o600)
        return certificate, key


def signed(name: str, by: Signed | None = None, hosts: tuple[x509.GeneralName, ...] = ()) -> Signed:
    """By itself without ``by``: an authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _DAY)
        .not_valid_after(now + _DAY)
        .add_extension(x509.BasicConstraints(ca=by is None, path_length=None), critical=True)
    )
    if hosts:
        made = made.add_extension(x509.SubjectAlternativeName(hosts), critical=False)
    return Signed(key, made.sign(by.key if by else key, hashes.SHA256()))


@dataclass(frozen=True)
class Secured:
    """A server that takes nothing but TLS, and of user ``berlin`` nothing but its certificate."""

    server: Postgres
    folder: Path

    def url(self, user: str = "owner", host: str = "127.0.0.1", **more: object) -> str:
        more = {"sslmode": "verify-full", "sslrootcert": self.folder / "ca.crt", **more}
        asked = "".join(f"&{name}={value}" for name, value in more.items())
        return self.server.url(user=user).replace("@127.0.0.1", f"@{host}") + asked

    def refusal(self, **asked: object) -> LedgerError:
        with pytest.raises(LedgerError) as caught:
            Ledger.at(place_named(self.url(**asked), self.folder)).close()  # type: ignore[arg-type]
        assert not isinstance(caught.value, LedgerAway), "nobody waits for a certificate to mend itself"
        return caught.value


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    folder = tmp_path_factory.mktemp("tls")
    authority = signed("an authority of the test")
    authority.write(folder, "ca")
    other = signed("another authority")
    other.write(folder, "other")
    signed("berlin", other).write(folder, "stranger")
    signed("berlin", authority).write(folder, "berlin")
    signed("mallory", authority).write(folder, "mallory")
    here = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    with postgres() as server:
        for path in (*signed("db", authority, (here,)).write(server.folder, "server"), folder / "ca.crt"):
            placed = Path(shutil.copy2(path, server.folder / "data"))
            if not os.geteuid():
                shutil.chown(placed, "postgres", "postgres")
        rules = "local all all scram-sha-256\nhostssl all berlin all cert\nhostssl all all all scram-sha-256\n"
        (server.folder / "data/pg_hba.conf").write_text(rules)
        with server.connect() as connection:
            connection.execute("CREATE ROLE berlin LOGIN SUPERUSER")
            for name, value in (("cert", "server.crt"), ("key", "server.key"), ("ca", "ca.crt")):
                connection.execute(f"ALTER SYSTEM SET ssl_{name}_file = '{value}'")  # type: ignore[arg-type]
        server.stop()
        server.settings = (*server.settings, "ssl=on")
        server.start()
        yield Secured(server, folder)


def test_the_connection_is_encrypted_and_the_server_is_who_it_says(secured: Secured) -> None:
    with Ledger.at(place_named(secured.url(), secured.folder)) as ledger:
        ledger.begin_study(samples.study())
        (row,) = ledger.fetch(text("SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()"))
    assert (row.ssl, row.version) == (True, "TLSv1.3")


def test_a_client_s_certificate_is_its_login(secured: Secured) -> None:
    asked = {"sslcert": secured.folder / "berlin.crt", "sslkey": secured.folder / "berlin.key"}
    with Ledger.at(place_named(secured.url("berlin", **asked), secured.folder)) as ledger:
        (row,) = ledger.fetch(text("SELECT client_dn FROM pg_stat_ssl WHERE pid = pg_backend_pid()"))
    assert row.client_dn == "/CN=berlin"


def test_another_s_certificate_is_not(secured: Secured) -> None:
    asked = {"sslcert": secured.folder / "mallory.crt", "sslkey": secured.folder / "mallory.key"}
    assert "it refused this user" in secured.refusal(user="berlin", **asked).message


def test_a_certificate_of_another_authority_is_not(secured: Secured) -> None:
    asked = {"sslcert": secured.folder / "stranger.crt", "sslkey": secured.folder / "stranger.key"}
    error = secured.refusal(user="berlin", **asked)
    assert "it does not know the authority of this user's certificate" in error.message
    assert "ssl_ca_file" in str(error.hint)


def test_no_certificate_where_one_is_needed(secured: Secured) -> None:
    error = secured.refusal(user="berlin")
    assert "it wants a certificate of this user" in error.message
    assert "sslcert= and sslkey=" in str(error.hint)


def test_a_server_of_another_authority(secured: Secured) -> None:
    error = secured.refusal(sslrootcert=secured.folder / "other.crt")
    assert "its certificate is of an authority that sslrootcert does not name" in error.message
    assert "somebody may stand in between" in str(error.hint)


def test_a_server_of_another_name(secured: Secured) -> None:
    error = secured.refusal(host="localhost")
    assert "its certificate is another host's" in error.message
    assert 'does not match host name "localhost"' in error.message
    assert "the name in its certificate" in str(error.hint)


def test_plain_text_is_refused_by_the_server(secured: Secured) -> None:
    error = secured.refusal(sslmode="disable")
    assert "it takes this user over TLS only" in error.message
    assert "sslmode=verify-full" in str(error.hint)


def test_a_server_without_tls_is_refused_by_us(secured: Secured, postgresql: Postgres) -> None:
    url = f"{postgresql.url()}&sslmode=verify-full&sslrootcert={secured.folder / 'ca.crt'}"
    with pytest.raises(LedgerError) as caught:
        Ledger.at(place_named(url, secured.folder)).close()
    assert "it does not speak TLS" in caught.value.message
    assert not isinstance(caught.value, LedgerAway)
    assert "ssl = on" in str(caught.value.hint)


def test_a_file_that_is_not_there_is_named(secured: Secured) -> None:
    error = secured.refusal(sslrootcert="/nowhere/ca.crt")
    assert 'root certificate file "/nowhere/ca.crt" does not exist' in error.message
    assert "sslrootcert" in str(error.hint)


def test_a_key_that_others_can_read_is_not_used(secured: Secured) -> None:
    key = Path(shutil.copy2(secured.folder / "berlin.key", secured.folder / "open.key"))
    key.chmod(0o644)
    error = secured.refusal(user="berlin", sslcert=secured.folder / "berlin.crt", sslkey=key)
    assert "chmod 600" in str(error.hint)
