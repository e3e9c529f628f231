"""Every way to a device, the genuine adbd among them."""

from tests.orchestrator.measure.transports.conftest import transport
from tests.phones import adb_key, adbd_root, make_phone, phone, shared_phone

__all__ = ["adb_key", "adbd_root", "make_phone", "phone", "shared_phone", "transport"]
