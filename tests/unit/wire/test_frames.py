"""Frames to records and back, msgpack as the second opinion, and everything that must be refused."""

from __future__ import annotations

import struct
import tracemalloc
from typing import Any, get_args

import msgpack
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quaymaster._core import wire
from quaymaster._core.errors import AskedWrongly
from quaymaster._core.wire import commands, events, limits, records, reports, requests

REQUEST_ID = wire.make_request_id(1658058752694, "k3v9")
FAULT = records.Fault(family="taken", code="ports_taken", message="no", details={"conflicts": [{"qm_id": "qm-1"}]})
SCHEMA = records.StreamSchema(name="s", dtype="<f8", shape=[3, 2], timestamps=True)
STREAM = records.StreamState(schema=SCHEMA, count=7, closed=True)
OPTIONS = records.JobOptions(numerics="exact", seed=2**62, flags=["auto-element-thread"])
SIMULATION = records.Simulation(
    duration_cycles=1000,
    interface="loopback",
    cables=[records.Cable(source="con1/1/1", target="con1/1/2")],
    latency_ns=180,
    noise_variance=1e-4,
)
RAW = records.Simulation(
    duration_cycles=9,
    interface="raw",
    inputs=[records.RawInput(target="con1/1/1", samples=3)],
    samples_digest="d",
)
THREADS = [records.ThreadNeed(controller="con1", threads=3)]

ARGUMENTS: list[Any] = [
    requests.Hello(user="ann", client_version="1"),
    requests.OpenQm(close_mode="if_needed"),
    requests.ListQms(),
    requests.GetQm(qm_id="qm-1"),
    requests.CloseQm(qm_id="qm-1"),
    requests.CloseAllQms(),
    requests.GetConfig(qm_id="qm-1"),
    requests.SetConfig(
        qm_id="qm-1", changes=[requests.ConfigChange(kind="intermediate_frequency", target="q", values=[5e6])]
    ),
    requests.SetIo(qm_id="qm-1", io1=1, io2=-(2**31)),
    requests.TellJob(job_id="17", parcel=wire.parcels.Resume()),
    requests.TellJob(
        job_id="17", parcel=wire.parcels.Push(entry=wire.records.InputEntry(stream="x", type="fixed", raws=[1, -2]))
    ),
    requests.TellJob(job_id="17", parcel=wire.parcels.Trigger(name="t")),
    requests.GetIo(qm_id="qm-1"),
    requests.GetElement(job_id="17", element="q"),
    requests.TellJob(job_id="17", parcel=wire.parcels.SetFrequency(element="q", frequency_hz=-5e7)),
    requests.TellJob(job_id="17", parcel=wire.parcels.SetCorrection(element="q", values=[1.0, 0.0, 0.0, 1.0])),
    requests.TellJob(job_id="17", parcel=wire.parcels.SetOffsets(element="q", offsets=[("I", 0.1)])),
    requests.Compile(qm_id="qm-1", digest="d", options=OPTIONS),
    requests.AddJob(qm_id="qm-1", digest="d", to_start=True, overrides=records.Overrides(waveforms={"w": [0.1, 0.2]})),
    requests.Execute(qm_id="qm-1", program_id="p-1", overrides=records.Overrides(waveforms={"w": 0.25})),
    requests.Simulate(digest="d", simulation=SIMULATION, options=OPTIONS, note="n"),
    requests.GetJobs(qm_ids=["qm-1"], states=["pending", "running"], limit=5),
    requests.GetJob(job_id="17"),
    requests.RemoveJobs(qm_id="qm-1", position=2, expected_job_id="17"),
    requests.CancelJob(job_id="17"),
    requests.WaitJob(job_id="17", until=["running"]),
    requests.WaitResults(job_id="17", stream="s", count=5),
    requests.GetResultsState(job_id="17"),
    requests.Fetch(job_id="17", stream="s", start=1, stop=9, offset=1024),
    requests.GetReport(job_id="17"),
    requests.Why(job_id="17"),
    requests.ClearResults(job_ids=["17"]),
    requests.GetStatus(),
]
ACTIONS: list[Any] = [
    commands.Welcome(broker="b", seq=4, heartbeat_ms=1000),
    commands.SayHello(),
    commands.Refuse(error=FAULT),
    commands.Open(qm_id="qm-1", config_digest="c"),
    commands.Close(qm_id="qm-1"),
    commands.CompileProgram(compile_id="c1", qm_id="qm-1", program_digest="p", config_digest="c", options=OPTIONS),
    commands.Load(job_id="17", attempt=2, qm_id="qm-1", program_digest="p", config_digest="c", io1=-7, io2=1),
    commands.Deliver(delivery_id="d", job_id="17", attempt=2, parcel=wire.parcels.SetRegisters(io2=5)),
    commands.Deliver(delivery_id="d", job_id="17", attempt=2, parcel=wire.parcels.ReadRegisters()),
    commands.Deliver(delivery_id="d", job_id="17", attempt=2, parcel=wire.parcels.ReadElement(element="q")),
    commands.Load(job_id="18", attempt=1, qm_id="", program_digest="p", config_digest="c", simulation=RAW),
    commands.Start(job_id="17", attempt=1),
    commands.Halt(job_id="17", attempt=1),
    commands.FetchData(fetch_id="f1", job_id="17", stream="s", start=0, stop=-1),
    commands.DropResults(job_ids=["17", "18"]),
    commands.TakeInventory(),
    commands.Acknowledge(seq=9),
]
MATTERS: list[Any] = [
    reports.Hello(name="con1", type="opx1000", fems={1: "lf", 2: "mw"}, instance="i", version="1", epoch=3),
    reports.Inventory(jobs=[reports.HeldJob(job_id="17", attempt=1, state="running")], qm_ids=["qm-1"]),
    reports.Compiled(compile_id="c1", program_digest="p", threads=THREADS, streams=[SCHEMA], elements=["q"]),
    reports.Status(job_id="17", attempt=1, state="error", error=FAULT, streams=[STREAM], counts={"overflow": 3}),
    reports.Lacking(job_id="17", attempt=1),
    reports.Progress(job_id="17", attempt=1, streams=[reports.StreamCount(name="s", count=4)]),
    reports.FetchedData(fetch_id="f1", stream=STREAM, start=0, stop=7, next_offset=1 << 20),
    reports.Standing(job_id="17", attempt=1, paused=True, waiting_for=["pause"]),
    reports.Delivered(delivery_id="d", job_id="17", attempt=1, io=[1, -1]),
    reports.NotDelivered(delivery_id="d", error=FAULT),
    reports.FetchFailed(fetch_id="f1", error=FAULT),
    reports.Trouble(command="load", error=FAULT, note="17"),
    reports.Leaving(),
]
MESSAGES: list[Any] = [
    *(requests.Request(request_id=REQUEST_ID, args=args) for args in ARGUMENTS),
    *(commands.Command(epoch=3, action=action) for action in ACTIONS),
    *(reports.Report(seq=5, matter=matter) for matter in MATTERS),
    events.Event(revision=8, hints=[events.Hint(kind="job", id="17", state="running")]),
    events.Beat(instance="b", revision=8),
    wire.refusal(REQUEST_ID, FAULT),
    requests.Reply(request_id=REQUEST_ID, pending=True),
]


def decoded(frames: list[bytes]) -> Any:
    """The record in the frames, read as its receiver would."""
    decoders = {
        1: wire.decode_request,
        2: wire.decode_reply,
        3: wire.decode_command,
        4: wire.decode_report,
        5: lambda frames: (wire.decode_event(frames), []),
        6: wire.decode_report,
    }
    return decoders[frames[0][1]](frames)[0]


def code_of(frames: list[bytes], decode: Any = wire.decode_request) -> str:
    """The code of the refusal of these frames."""
    with pytest.raises(AskedWrongly) as caught:
        decode(frames)
    return caught.value.code


def test_every_kind_of_message_is_tried_here() -> None:
    """No method, command or report is left out of the lists above."""
    assert {type(args) for args in ARGUMENTS} == set(wire.METHODS.values())
    assert {type(action) for action in ACTIONS} == set(get_args(commands.Actions))
    assert {type(matter) for matter in MATTERS} == set(get_args(reports.Matters))


@pytest.mark.parametrize("message", MESSAGES, ids=lambda m: type(getattr(m, "args", getattr(m, "action", m))).__name__)
def test_messages_survive_the_wire(message: Any) -> None:
    """What is decoded equals what was encoded; bodies pass untouched."""
    frames = wire.encode(message, b"", b"\x00body")
    assert decoded(frames) == message
    assert frames[2:] == [b"", b"\x00body"]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda m: type(getattr(m, "args", getattr(m, "action", m))).__name__)
def test_msgpack_reads_what_we_write_and_we_read_what_it_writes(message: Any) -> None:
    """The msgpack package, which shares no code with msgspec, sees the same data both ways."""
    head, envelope = wire.encode(message)
    plain = msgpack.unpackb(envelope, strict_map_key=False)
    assert plain == msgspec.msgpack.decode(envelope)
    assert decoded([head, msgpack.packb(plain)]) == message


def test_results_come_back_as_the_type_of_their_method() -> None:
    """A reply carries its result packed; the method says how to read it, and an error is raised as its class."""
    info = requests.QmInfo(qm_id="qm-1", opened_by="ann", opened_at_ms=1, controllers=["con1"], ports=["p"])
    reply, bodies = wire.decode_reply(wire.encode(wire.answer(REQUEST_ID, info), b"x"))
    assert wire.result_of(reply, requests.GetQm(qm_id="qm-1")) == info
    assert list(bodies) == [b"x"]
    refused, _ = wire.decode_reply(wire.encode(wire.refusal(REQUEST_ID, AskedWrongly("no", code="unknown_qm"))))
    with pytest.raises(AskedWrongly, match="no") as caught:
        wire.result_of(refused, requests.GetQm(qm_id="qm-1"))
    assert caught.value.code == "unknown_qm"


def test_every_method_has_a_result() -> None:
    """The registry pairs each record of arguments with one of results."""
    assert wire.RESULTS.keys() == set(wire.METHODS.values())
    assert all(issubclass(result, records.Record) for result in wire.RESULTS.values())


def test_a_wrong_version_names_both() -> None:
    """Whoever speaks another version learns which one is spoken here."""
    _, envelope = wire.encode(MESSAGES[0])
    with pytest.raises(AskedWrongly, match=r"version 9.*version 1") as caught:
        wire.decode_request([b"\x09\x01", envelope])
    assert caught.value.code == "wrong_version"
    assert caught.value.details == {"theirs": 9, "ours": limits.PROTOCOL_VERSION}


@pytest.mark.parametrize(
    "frames",
    [
        [],
        [b""],
        [b"\x01\x01"],
        [b"\x01", b"\x80"],
        [b"\x01\x01\x01", b"\x80"],
        [b"\x01\x04", b"\x80"],
        [b"\x01\x01", b""],
        [b"\x01\x01", b"\xc1"],
        [b"\x01\x01", b"\x80trailing"],
        [b"\x01\x01", b"\x91" * 100_000],
        [b"\x01\x01", b"\xdd\xff\xff\xff\xff"],
        [b"\x01\x01", b"\xdf\xff\xff\xff\xff"],
        [b"\x01\x01", b"\xdb\xff\xff\xff\xffab"],
        [b"\x01\x01", b"\x81\xa1\xff\x01"],
    ],
)
def test_garbage_is_a_bad_frame(frames: list[bytes]) -> None:
    """Missing frames, wrong kinds, broken MessagePack, deep nesting, declared lengths of 2^32-1, invalid UTF-8."""
    assert code_of(frames) == "bad_frame"


@pytest.mark.parametrize(
    "change",
    [
        {"args": {"method": "get_job", "job_id": "1", "extra": 1}},
        {"args": {"method": "get_job"}},
        {"args": {"method": "get_job", "job_id": 1}},
        {"args": {"method": "get_job", "job_id": "x" * (limits.NAME_CHARS + 1)}},
        {"args": {"method": "no_such_method"}},
        {"args": {"method": "set_io", "qm_id": "q", "io1": 2**64}},
        {"args": {"method": "get_jobs", "limit": 0}},
        {"args": {"method": "get_jobs", "qm_ids": [""] * (limits.LIST_ITEMS + 1)}},
        {"args": {"method": "wait_job", "job_id": "1", "until": ["asleep"]}},
        {"request_id": "17"},
        {"request_id": "1658058752694-../../x"},
        {"user": "root"},
    ],
)
def test_fields_are_checked_as_they_are_read(change: dict[str, Any]) -> None:
    """Unknown and missing fields, wrong types, long names, unknown methods and states, malformed ids."""
    good = {"request_id": REQUEST_ID, "args": {"method": "get_job", "job_id": "1"}}
    wire.decode_request([b"\x01\x01", msgspec.msgpack.encode(good)])
    try:
        envelope = msgspec.msgpack.encode({**good, **change})
    except OverflowError:
        envelope = msgpack.packb({**good, **change}, default=str)  # 2**64 does not even fit the format
    assert code_of([b"\x01\x01", envelope]) == "bad_frame"


def test_sizes_are_refused_by_the_name_of_their_limit() -> None:
    """Envelope, body, message and number of frames each have a limit, for senders and for receivers."""
    for frames, name in [
        ([b"\x01\x01", bytes(limits.CONTROL_FRAME_BYTES + 1)], "CONTROL_FRAME_BYTES"),
        ([b"\x01\x01", b"\x80", bytes(limits.BODY_BYTES + 1)], "BODY_BYTES"),
        ([b"\x01\x01", b"\x80", bytes(limits.BODY_BYTES), bytes(limits.BODY_BYTES)], "MESSAGE_BYTES"),
        ([b"\x01\x01", b"\x80", *[b""] * limits.MESSAGE_FRAMES], "MESSAGE_FRAMES"),
    ]:
        with pytest.raises(AskedWrongly) as caught:
            wire.decode_request(frames)
        assert (caught.value.code, caught.value.details["limit"]) == ("too_large", name)
    with pytest.raises(AskedWrongly, match="BODY_BYTES"):
        wire.encode(MESSAGES[0], bytes(limits.BODY_BYTES + 1))
    with pytest.raises(AskedWrongly, match="CONTROL_FRAME_BYTES"):
        wire.encode(wire.answer(REQUEST_ID, requests.QmList(qm_ids=["x" * limits.CONTROL_FRAME_BYTES])))


def test_a_bomb_of_empty_arrays_costs_nothing() -> None:
    """8 MiB of empty arrays as a config: refused with less than 64 MiB of memory (unmeasured it takes 600)."""
    bomb = struct.pack(">BI", 0xDD, 8 << 20) + b"\x90" * (8 << 20)
    tracemalloc.start()
    with pytest.raises(AskedWrongly) as caught:
        wire.unpack_plain(bomb)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert caught.value.code == "too_large"
    assert caught.value.details["limit"] == "BODY_ITEMS"
    assert peak < 64 << 20


def test_a_bomb_in_an_envelope_is_refused_before_it_is_built() -> None:
    """A typed decode meets the wrong type at the first array."""
    envelope = b"\x82\xaarequest_id\xb2" + REQUEST_ID.encode() + b"\xa4args\xdd\x00\x0f\x00\x00" + b"\x90" * (0xF0000)
    assert code_of([b"\x01\x01", envelope]) == "bad_frame"


@given(st.binary(max_size=400))
@settings(max_examples=300, deadline=None)
def test_random_bytes_are_refused_and_never_crash(data: bytes) -> None:
    """Whatever the envelope or the body holds, the outcome is a record or an AskedWrongly."""
    for decode in (wire.decode_request, wire.decode_reply, wire.decode_command, wire.decode_report):
        for head in (b"\x01\x01", b"\x01\x02", b"\x01\x03", b"\x01\x04", b"\x01\x06", data[:2]):
            try:
                decode([head, data])
            except AskedWrongly as error:
                assert error.code in ("bad_frame", "wrong_version", "too_large")


@given(st.integers(0, len(MESSAGES) - 1), st.data())
@settings(max_examples=300, deadline=None)
def test_changed_bytes_are_refused_or_still_a_message(index: int, data: st.DataObject) -> None:
    """A message with some bytes changed or cut is a record of the same kind, or refused."""
    head, envelope = wire.encode(MESSAGES[index])
    broken = bytearray(envelope)
    for _ in range(data.draw(st.integers(1, 4))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    try:
        decoded([head, bytes(broken[: data.draw(st.integers(0, len(broken)))])])
    except AskedWrongly as error:
        assert error.code == "bad_frame"
