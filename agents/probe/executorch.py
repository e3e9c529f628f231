"""ExecuTorch on this device: the runner's library or the package with torch, and which delegates its build has."""

import base64
import os
import tempfile
import zlib
from typing import Optional, Tuple, Union

import numpy as np

from agents.backends.executorch_delegates import DELEGATES, PORTABLE, PROVIDERS, XNNPACK
from agents.backends.executorch_load import api_of
from agents.device_facts import NOT_IN_BUILD, ProviderProbe, RuntimeProbe

_API, _ = api_of({})
# y = x + x over two floats, by XNNPACK and by portable kernels: made by executorch 1.5.1.
_TINY = {
    XNNPACK: (
        "eNqtVEFLAkEUfmNrLbaYyCIeIpahQweJNTpYeIgo8BCdOggmZbqhtKyiKxUhdOwH9Hs6dejgsUM/oN/h9mb2rY6LCUEj38zsm/m+92bmPcsA"
        "cHpR3HPatm3h/HkFZIvGawbTloE89iaOBuig4Si+ALYRZwq+J0Gg4ahQIUH7DIQumRqO8/qa/M2aWNqUsxzsINvCr7ziP0ea+wiX8I74QIwR"
        "FRR4TYS+441JfwBvQRAYFJdJayW0UVgsjV3V83qN5t0xwvFaM35GzlLTeFKkUyJEPl5QL0PXoMtTa9TPYmOx2JhiE3vKtP8TtfTQnBxT7KS9"
        "yhR+Qt6zAevki86WNHD3hlzTIDr3Mr5OfIETxAGiVixYT9x/7Dn80PKGrluweLPr+c6DrxjaHbfVd7yrQc9porlWH9WRO4nz+c2w4/odb7Dr"
        "D3uuw+e0uBDji9T+jf+X+EcL4251mn7Mba3Of5PAS1jDO7jt9u8b/TCZqhXb3gJRfUdsviJAWqvndlHUgCXfQrygKStRVIeoARMZX5Qj4t0K"
        "xNOUHORBWJPLcuxyWp9pjDHMVLEl9JVFb6vSP1AEWVKKaiHKGxbLIVXLJHakJL4yio4e46t1lpVKhqyzSIvRmk7/ICmFbyN+AFB9oM8="
    ),
    PORTABLE: (
        "eNqtUE1LwzAYflvrzGbBHcbYYYcSdvBQhIkH3Vn/wW5j6GwrFkpXthQV2T/z6MHDjv6e1SfxdWRjQwRTnr7JmzwfSZeIbob9cxRqUgf/FqpP"
        "gjxUvSI6BS4siKqqPFSHNodeC8Az32a/a2ZtaPUowKpj+bSx0wMuGXfAO/ABLIECAm8ukUv7h2N8wVtVlc7gAwfAtFRUR52oJB8MJnHMZ5uG"
        "1VhnaDDnmvGjN8Rdm2wh+HaC9w4tf5c5zlYmu6fzaP+QvQRc66znG5Eaqkc1i/NZfd9H2y0x99fZqeZYPq7R8+mY9VrM8XH6xOx5xuM3vmC+"
        "4He4Akb9MHiV6qVI5CDIyywLAxlNc5U8K6vxmGbxLMlv50USoT0aL8bgrrb58r5MM5Xm8zNVFlkiN7SkFpO71P6N/5f8i5254zRSW7ajsdwn"
        "gUc4whs8TGdPk1lMXyStjYI="
    ),
}


def probe_executorch(provider: Optional[str] = None) -> Union[RuntimeProbe, ProviderProbe]:
    """Without ``provider``: the build and the names of its providers. With one: whether it can be used."""
    if provider is not None:
        return _tried(provider)
    registered = _API.registered(tuple(DELEGATES.values()))
    found = tuple(_expected(name, registered) for name in PROVIDERS)
    return RuntimeProbe("executorch", True, _API.version, _API.build, found)


def _expected(name: str, registered: Tuple[str, ...]) -> ProviderProbe:
    if name != PORTABLE and DELEGATES[name] not in registered:
        return ProviderProbe(name, False, f"{NOT_IN_BUILD} of executorch")
    return ProviderProbe(name, True)


def _tried(name: str) -> ProviderProbe:
    """By the smallest program; a vendor's delegate needs its own libraries, which only a program for it would load."""
    if name not in _TINY:
        return ProviderProbe(name, False, "its delegate is here; whether the vendor's libraries are, a program tells")
    with tempfile.TemporaryDirectory(prefix="earshot-probe-") as folder:
        path = os.path.join(folder, "tiny.pte")
        with open(path, "wb") as file:
            file.write(zlib.decompress(base64.b64decode(_TINY[name])))
        given, made = np.array([1.0, 2.5], np.float32), np.zeros(2, np.float32)
        try:
            _API.open(path, 1, False).bind([given], [made]).run()
        except RuntimeError as error:
            return ProviderProbe(name, False, "cannot run the smallest program: " + " ".join(str(error).split())[:300])
    if not np.array_equal(made, given + given):
        return ProviderProbe(name, False, f"computes {made.tolist()} where it must be {(given + given).tolist()}")
    return ProviderProbe(name, True)
