"""What is wrong with a TLS connection, in our words. libpq has no codes for it, only sentences."""

# Part of libpq's or the server's sentence -> what to tell, what to do next. First match wins.
_FAULTS = (
    (
        "certificate verify failed",
        "its certificate is of an authority that sslrootcert does not name",
        "give that authority's file in sslrootcert=; where that is the right one, somebody may stand in between",
    ),
    (
        "does not match host name",
        "its certificate is another host's",
        "put the name in its certificate into the URL, or have a certificate made for the name in the URL",
    ),
    (
        "server does not support SSL",
        "it does not speak TLS",
        "ssl = on in its postgresql.conf, with ssl_cert_file and ssl_key_file",
    ),
    ("no encryption", "it takes this user over TLS only", "sslmode=verify-full in the URL, and sslrootcert="),
    (
        "requires a valid client certificate",
        "it wants a certificate of this user",
        "sslcert= and sslkey= in the URL: files of a certificate whose common name is the user",
    ),
    ("root certificate file", "it cannot be told from another", "sslrootcert= names the file of its authority"),
    ("private key file", "the key of this user cannot be used", "chmod 600 the file that sslkey= names"),
    ("certificate file", "the certificate of this user cannot be used", "sslcert= names its file, sslkey= its key's"),
    (
        "alert unknown ca",
        "it does not know the authority of this user's certificate",
        "sslcert= must be of an authority in its ssl_ca_file",
    ),
)


def tls_fault(said: str) -> tuple[str, str] | None:
    """What to tell and what to do next; None where it is not about that: a connection may also break in its TLS."""
    return next(((what, hint) for words, what, hint in _FAULTS if words in said), None)
