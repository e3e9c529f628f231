"""dropbear with a BusyBox userland: the small device that has no GNU tool, no SFTP and nothing but ``sh``."""

from pathlib import Path

from orchestrator.measure.standin.namespaces import command, program
from orchestrator.measure.standin.rootfs import Daemon, File, Mount, Root, User, libraries_only
from orchestrator.measure.standin.sshd import PORT, Keys

# What many a vendor's BusyBox is built without; whoever needs one of them must not count on it.
LEFT_OUT = frozenset(
    {"sha256sum", "sha512sum", "sha3sum", "timeout", "stat", "realpath", "nproc", "pgrep", "pkill", "xxd"}
)
_SERVER, _HOST_KEY = "/usr/sbin/dropbear", "/etc/dropbear/host_key"
_SFTP_SERVERS = Path("/usr/lib/openssh")


def busybox_userland() -> Root:
    """BusyBox's applets in /bin, over this machine's libraries, which are needed by its Python."""
    busybox = program("busybox")
    applets = sorted(set(command([busybox, "--list"]).split()) - LEFT_OUT - {"busybox"})
    links = {f"/bin/{applet}": File(link_to="busybox") for applet in applets}
    folders = {"/usr/local/bin": 0o755, "/usr/bin": 0o755, "/usr/sbin": 0o755, "/sbin": 0o755}
    return libraries_only() + Root((Mount("/bin/busybox", busybox, read_only=True),), links, folders)


def dropbear(user: User, keys: Keys) -> tuple[Root, Daemon]:
    """A dropbear that takes ``keys.user_key`` for ``user``."""
    server, converted = program("dropbear"), keys.host_key.with_name("dropbear_host_key")
    if not converted.exists():
        command([program("dropbearconvert"), "openssh", "dropbear", str(keys.host_key), str(converted)])
    public = keys.user_key.with_suffix(".pub").read_text()
    mounts = [Mount(_SERVER, server, read_only=True), Mount(_HOST_KEY, str(converted), read_only=True)]
    if _SFTP_SERVERS.is_dir():  # It would find the one of this machine's OpenSSH.
        mounts.append(Mount(str(_SFTP_SERVERS), kind="tmpfs", options="mode=755,size=4k"))
    root = Root(
        tuple(mounts),
        {f"{user.folder}/.ssh/authorized_keys": File(public, 0o600, owned_by_user=True)},
        {f"{user.folder}/.ssh": 0o700},
    )
    # In the foreground, log to stderr, no passwords.
    return root, Daemon((_SERVER, "-F", "-E", "-s", "-p", str(PORT), "-r", _HOST_KEY), PORT)
