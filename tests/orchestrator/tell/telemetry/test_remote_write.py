"""The bytes of a remote write, read back by google.protobuf with the messages as Prometheus defines them."""

from typing import Any

import cramjam
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, unknown_fields
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.ledger.outbox import Entry
from orchestrator.statistics.log_buckets import SCHEMA, Buckets
from orchestrator.tell.telemetry.batch import Batches
from orchestrator.tell.telemetry.remote_write import Frame, encoded, exemplar, histogram, packed
from orchestrator.tell.telemetry.told import Told
from tests.orchestrator.tell.telemetry.told import FIRST_MS, MINUTE_MS, told

_F = descriptor_pb2.FieldDescriptorProto
_ONE, _MANY = _F.LABEL_OPTIONAL, _F.LABEL_REPEATED
# prometheus/prompb/types.proto and remote.proto of Prometheus 2.42: field, number, type, how often.
MESSAGES: dict[str, list[tuple[str, int, Any, Any]]] = {
    "Label": [("name", 1, _F.TYPE_STRING, _ONE), ("value", 2, _F.TYPE_STRING, _ONE)],
    "Sample": [("value", 1, _F.TYPE_DOUBLE, _ONE), ("timestamp", 2, _F.TYPE_INT64, _ONE)],
    "Exemplar": [
        ("labels", 1, "Label", _MANY),
        ("value", 2, _F.TYPE_DOUBLE, _ONE),
        ("timestamp", 3, _F.TYPE_INT64, _ONE),
    ],
    "BucketSpan": [("offset", 1, _F.TYPE_SINT32, _ONE), ("length", 2, _F.TYPE_UINT32, _ONE)],
    "Histogram": [
        ("count_int", 1, _F.TYPE_UINT64, _ONE),
        ("sum", 3, _F.TYPE_DOUBLE, _ONE),
        ("schema", 4, _F.TYPE_SINT32, _ONE),
        ("zero_threshold", 5, _F.TYPE_DOUBLE, _ONE),
        ("zero_count_int", 6, _F.TYPE_UINT64, _ONE),
        ("positive_spans", 11, "BucketSpan", _MANY),
        ("positive_deltas", 12, _F.TYPE_SINT64, _MANY),
        ("timestamp", 15, _F.TYPE_INT64, _ONE),
    ],
    "TimeSeries": [
        ("labels", 1, "Label", _MANY),
        ("samples", 2, "Sample", _MANY),
        ("exemplars", 3, "Exemplar", _MANY),
        ("histograms", 4, "Histogram", _MANY),
    ],
    "WriteRequest": [("timeseries", 1, "TimeSeries", _MANY)],
}


def _request_class() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="remote.proto", package="prometheus", syntax="proto3")
    for message, fields in MESSAGES.items():
        made = file.message_type.add(name=message)
        for name, number, kind, label in fields:
            field = made.field.add(name=name, number=number, label=label)
            if isinstance(kind, str):
                field.type, field.type_name = _F.TYPE_MESSAGE, f".prometheus.{kind}"
            else:
                field.type = kind
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("prometheus.WriteRequest"))


REQUEST = _request_class()


def read(body: bytes) -> Any:
    request = REQUEST()
    request.ParseFromString(bytes(cramjam.snappy.decompress_raw(body)))
    assert not unknown_fields.UnknownFieldSet(request)
    return request


texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200)
values = st.floats(allow_nan=False)
times = st.integers(-(2**62), 2**62)


@given(st.lists(st.tuples(texts, texts), max_size=5), st.lists(st.tuples(times, values), min_size=1, max_size=5))
def test_labels_and_samples_come_back(labels: list[tuple[str, str]], samples: list[tuple[int, float]]) -> None:
    body = encoded("earshot_x", tuple(labels)) + b"".join(Frame(at).sample(value) for at, value in samples)
    (series,) = read(packed([body])).timeseries
    assert [(label.name, label.value) for label in series.labels] == sorted([("__name__", "earshot_x"), *labels])
    assert [(sample.timestamp, sample.value) for sample in series.samples] == samples


@given(
    st.dictionaries(st.integers(-2000, 2000), st.integers(1, 2**40), max_size=40), st.integers(0, 2**40), values, times
)
def test_a_histogram_comes_back(found: dict[int, int], zero: int, total: float, at_ms: int) -> None:
    indices = sorted(found)
    sent = Buckets(indices, [found[i] for i in indices], zero, total)
    (series,) = read(packed([encoded("x") + histogram(sent, at_ms)])).timeseries
    (got,) = series.histograms
    assert (got.count_int, got.sum, got.schema, got.zero_count_int, got.timestamp) == (
        sent.count,
        total,
        SCHEMA,
        zero,
        at_ms,
    )
    index, count, back = 0, 0, {}
    deltas = iter(got.positive_deltas)
    for span in got.positive_spans:
        index += span.offset
        for _ in range(span.length):
            count += next(deltas)
            back[index] = count
            index += 1
    assert back == found


def test_an_exemplar_comes_back() -> None:
    body = encoded("x") + Frame(5).sample(1.5) + exemplar((("session_id", "s-1"),), 1.5, 5)
    (series,) = read(packed([body])).timeseries
    (got,) = series.exemplars
    assert [(label.name, label.value) for label in got.labels] == [("session_id", "s-1")]
    assert (got.value, got.timestamp) == (1.5, 5)


def test_a_label_without_a_value_is_none() -> None:
    (series,) = read(packed([encoded("x", (("b", ""), ("a", "1")))])).timeseries
    assert [label.name for label in series.labels] == ["__name__", "a"]


def entry(number: int, of: Told) -> Entry:
    return Entry(number, **vars(of.entry()))


def test_a_batch_has_each_series_once_with_its_samples_by_time() -> None:
    # The second came late: its time is before the first one's.
    entries = [entry(1, told(2)), entry(2, told(1)), entry(3, told(1, device=1))]
    found = read(Batches((("instance", "lab"), ("job", "earshot"))).body(entries)).timeseries
    by_labels = {tuple((label.name, label.value) for label in series.labels): series for series in found}
    assert len(by_labels) == len(found) == 19 + 19 + 3, "19 figures each of two devices, and three identities"
    for labels, series in by_labels.items():
        assert list(labels) == sorted(labels)
        assert {"instance": "lab", "job": "earshot"}.items() <= dict(labels).items()
        at = [sample.timestamp for sample in series.samples]
        if dict(labels)["device"] == "pi5-0" and dict(labels)["__name__"] != "earshot_session_info":
            assert at == [FIRST_MS + MINUTE_MS, FIRST_MS + 2 * MINUTE_MS]
    marked = [s for s in found if s.exemplars]
    assert [len(s.exemplars) for s in marked] == [2, 1]
