"""What a stand-in keeps while it is switched off: its disk, and the board with its sensors."""

import contextlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from orchestrator.errors import DeviceNotReady
from orchestrator.measure.standin.namespaces import Namespace, has_root
from orchestrator.measure.standin.rootfs import File, Mount, Root, User

_FILLER = "/var/filler"


class Held:
    """A tmpfs in the mount namespace of ``namespace``, which this process can look into."""

    def __init__(self, namespace: Namespace, folder: Path, *, size_mib: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._namespace, self.folder = namespace, folder
        options = f"size={size_mib}m,mode=755"
        namespace.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)])

    def path(self, path: str) -> Path:
        """A path of the device as this process can open it; also while the device is off. Not through links."""
        return self._namespace.root / str(self.folder).lstrip("/") / path.lstrip("/")

    def close(self) -> None:
        if self._namespace.running:
            with contextlib.suppress(DeviceNotReady):
                self._namespace.run(["umount", "--lazy", str(self.folder)])


class Disk(Held):
    """The device's disk with all that is on it: /etc, /home, /var and the rest, not /tmp."""

    def __init__(self, namespace: Namespace, folder: Path, *, size_mib: int, user: User) -> None:
        super().__init__(namespace, folder, size_mib=size_mib)
        self._user = user

    def lay(self, root: Root) -> None:
        """The folders and files of ``root``."""
        for path, mode in root.folders.items():
            self._make_folders(self.path(path))
            self.path(path).chmod(mode)
        for path, file in root.files.items():
            self.write(path, file)

    def write(self, path: str, file: File) -> None:
        """Makes a file, and the folders that lead to it; below the user's home the folders are the user's."""
        target = self.path(path)
        self._make_folders(target.parent)
        if file.link_to is not None:
            target.symlink_to(file.link_to)
            return
        target.write_text(file.text)
        target.chmod(file.mode)
        if file.owned_by_user:
            self.give_to_user(path)

    def give_to_user(self, path: str) -> None:
        """Makes the user its owner; without root everything belongs to the user as it is."""
        if has_root():
            os.chown(self.path(path), self._user.uid, self._user.uid, follow_symlinks=False)

    def fill(self, *, leave_bytes: int = 0) -> None:
        """Nothing more than ``leave_bytes`` can be written from now on."""
        state = os.statvfs(self.path("/"))
        with self.path(_FILLER).open("wb") as file:
            if (taken := state.f_bavail * state.f_frsize - leave_bytes) > 0:
                os.posix_fallocate(file.fileno(), 0, taken)

    def free(self) -> None:
        """Undoes ``fill``."""
        self.path(_FILLER).unlink(missing_ok=True)

    def _make_folders(self, folder: Path) -> None:
        if folder.exists():
            return
        self._make_folders(folder.parent)
        folder.mkdir()
        if folder.is_relative_to(self.path(self._user.folder)):
            self.give_to_user(str(folder.relative_to(self.path("/"))))


class Board(Held):
    """Files that lie over /proc and /sys of the device: what its hardware shows. They can change while it runs."""

    # Folders that the board replaces whole, if it has a file in them; elsewhere in /proc it replaces single files.
    WHOLE = ("/sys", "/opt/standin", "/proc/irq")

    def lay(self, files: Mapping[str, File]) -> None:
        for path, file in files.items():
            target = self.path(path)
            target.parent.mkdir(parents=True, exist_ok=True)
            if file.link_to is not None:
                target.symlink_to(file.link_to)
            else:
                target.write_text(file.text)
                target.chmod(file.mode)

    def set(self, path: str, text: str) -> None:
        """What the device finds there from now on, and after a reboot."""
        # In place: a bind mount goes on showing the file that was replaced.
        target = self.path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def get(self, path: str) -> str:
        """What is there now; the device may have written it."""
        return self.path(path).read_text()

    def mounts(self, paths: Iterable[str]) -> tuple[Mount, ...]:
        """What lays the board over the device's root, where it has these paths."""
        every = list(paths)
        folders = [folder for folder in self.WHOLE if any(path.startswith(f"{folder}/") for path in every)]
        files = [path for path in every if path.startswith("/proc/") and not path.startswith("/proc/irq/")]
        return (
            *(Mount(path, f"{self.folder}{path}", read_only=True) for path in files),
            *(Mount(folder, f"{self.folder}{folder}") for folder in folders),
        )
