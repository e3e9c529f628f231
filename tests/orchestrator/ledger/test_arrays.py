"""Arrays come back bit for bit, and damage is told."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from orchestrator.ledger import arrays
from tests.orchestrator.ledger import ledger_samples as samples

DTYPES = st.sampled_from(["<i8", "<i4", ">i8", "<u8", "<u2", "i1", "?", "<f4", ">f8", "<f2"])


def assert_same(found: NDArray[Any], array: NDArray[Any]) -> None:
    assert found.dtype == array.dtype.newbyteorder("<")
    assert found.shape == array.shape
    assert np.ascontiguousarray(found).tobytes() == np.ascontiguousarray(array, dtype=found.dtype).tobytes()


@given(hnp.arrays(DTYPES, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=9)))
def test_any_array_of_numbers_comes_back(array: NDArray[Any]) -> None:
    assert_same(arrays.decode(arrays.encode(array)), array)


@pytest.mark.parametrize("dtype", ["<i8", "<u8", "<i2"])
def test_differences_wrap_around(dtype: str) -> None:
    info = np.iinfo(dtype)
    array = np.array([[info.min, info.max], [info.max, info.min], [info.min, info.min]], dtype=dtype)
    assert_same(arrays.decode(arrays.encode(array)), array)


@pytest.mark.parametrize("step", [1, 2**7 - 1, 2**7, 2**15, 2**31 - 1, 2**31, 2**40])
def test_every_width_of_differences(step: int) -> None:
    array = 2**60 + np.array([0, step, 0, -step, 0], dtype=np.int64)
    assert_same(arrays.decode(arrays.encode(array)), array)


def test_strided_array_comes_back() -> None:
    array = samples.times(40)[::3, ::-2]
    assert_same(arrays.decode(arrays.encode(array)), array)


@given(
    hnp.arrays(
        DTYPES.filter(lambda name: name != "?"), hnp.array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=6)
    )
)
def test_span_is_the_last_column_against_the_first(array: NDArray[Any]) -> None:
    stored = arrays.encode(array)
    if array.shape[1]:
        with np.errstate(all="ignore"):
            assert_same(arrays.decode_span(stored), array[:, -1] - array[:, 0])


@pytest.mark.parametrize("shape", [(5,), (2, 3, 4)])
def test_span_needs_two_dimensions(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="unpack"):
        arrays.decode_span(arrays.encode(np.zeros(shape)))


def test_times_take_a_third_of_their_size() -> None:
    times = samples.times(1000)
    assert len(arrays.encode(times).blob) < times.nbytes / 3


@pytest.mark.parametrize("array", [np.array(["a"]), np.array([None]), np.array([1j]), np.array(["2026"], "M8[s]")])
def test_array_of_something_else_is_refused(array: NDArray[Any]) -> None:
    with pytest.raises(ValueError, match="holds numbers, got dtype"):
        arrays.encode(array)


@pytest.mark.parametrize("array", [samples.times(30), np.linspace(0, 1, 30)])
@pytest.mark.parametrize("change", ["cut", "empty", "shape", "dtype"])
def test_damage_is_told(array: NDArray[Any], change: str) -> None:
    stored = arrays.encode(array)
    damaged = {
        "cut": dataclasses.replace(stored, blob=stored.blob[:-7]),
        "empty": dataclasses.replace(stored, blob=b""),
        "shape": dataclasses.replace(stored, shape=(31, *stored.shape[1:])),
        "dtype": dataclasses.replace(stored, dtype="<i4"),
    }[change]
    with pytest.raises(ValueError, match="is damaged"):
        arrays.decode(damaged)
    if array.ndim == 2 and change != "dtype":
        with pytest.raises(ValueError, match="is damaged"):
            arrays.decode_span(damaged)


def test_codec_of_a_newer_version_is_told() -> None:
    stored = dataclasses.replace(arrays.encode(samples.times(5)), codec="quantum")
    with pytest.raises(ValueError, match="unknown codec 'quantum'"):
        arrays.decode(stored)
