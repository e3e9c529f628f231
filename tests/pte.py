"""A tiny ExecuTorch program for tests that have no torch."""

import base64
import zlib

# ``Leaky`` of tests/export/test_executorch_runner.py for chunks of 160 samples, by executorch 1.5.1 for XNNPACK:
# state' = 0.5 state + mean(x); y = state'.
_LEAKY = (
    "eNrVVr9rFEEUnt3b29usS3KeSzjkkONIYRFkIykkHAREIViIhcVBDHLereRw3TuSPYz4gyv8A1IFCwsLkRQ2dhYpLC2DWKSwsBCxsPAPSDK+mXmz"
    "+7KcUUEEN3z7Y+Z9b9775t2bNBljl6/PnQ9Xg6AO7yObyUs/NwssvcqsCncfnh5zmAVP8cXYPCAhuHHIuQVPQiU+1GUCAoAHcMCvB/4cMY+kEeE4"
    "kqXm/TE+DUBNvk2zs2yG1eGrSuKchpkZwAXAAPBUxAykJuASYABrRkUVk76u5fyLfLY45x7GrOPwDzg30GwSbq04HrQ7dy4Cwribcff3OXeQK1Ls"
    "DxPmwrOdhPHCwt2wHStbpY+bxu4i5yHCxDyEz80D5VMM73KluU10tzD2CemRsbdgj/objlTTwrvimfgsSc3VuEV0MNHPBL6buNYJwDdY6A1gAzX9"
    "DmPvAM8BTwARiXvpMI27+OpQaYpx2SYKbmLswm6D2H/8DftttBFDFrPkmtu4d6xgg02JYXkbHzLfpS3UUPgpkrw/a65pyzq10UbVpgt6KB2rMsIK"
    "q7CTctcc3IUK1ktV16lty73VfvI5CEQ8y3mX/zrnZ2CDNVn0wHJKjltM1+vPuGJ/9nJrmchBDe3sd+jBXpNcwb4MmZ1Ks1U9wTiG7yBfYAfwGrA8"
    "N1t/0EjuD8LGQr1xa9iLkl68fi4ZDqKwMVtvdPpxEm4kYjIeRpEcWu1F3bUwvrk+CDswsZzyhcURjh7IM1YekVX/gAV/2D/+atz/Qd5js+32Okku"
    "2OWVxnHSyf5yu792r73WFZ+LR7v5aJH946u1FARnmDj9vprZCaQuMdq6GsyJs6Uua1f8unys/5o8W3aAVQO0sNibgFnSf3VP1/3AHdNXdQ+2yJlT"
    "wD4k9BrBQAD4JHoZnmNNtH8BPUz1Osa+yHdD+iwj3yT9XfeLPcI5zRVHx1ogPVD3I4dn9lf40TUskgNdo0k4j3Mck+RI+94OcpS+FdDZlpoz/G+j"
    "guroHsWxX9F1HTYJmjmod+arRnyJHdS+dN7GGAh76stHtvYkvsokJof0dB1PAfdrHjV6qXKc8tP9Fue9qi1dG0Xcs/eoh5+e6y7EndnqM9hK50rp"
    "nF7DwDkPT3w3F2NAavEHNThQAQ=="
)


def leaky_pte(backend: str = "XnnpackBackend") -> bytes:
    """``backend``: what it says that it delegates to, in 14 letters."""
    assert len(backend) == len("XnnpackBackend")
    return zlib.decompress(base64.b64decode(_LEAKY)).replace(b"XnnpackBackend", backend.encode())
