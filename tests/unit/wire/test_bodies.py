"""Bodies: what is measured equals what a decoder sees, and errors travel as what they were."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quaymaster._core import wire
from quaymaster._core.errors import AskedWrongly, OurBug, QuaymasterError, Taken, not_yet
from quaymaster._core.wire import limits

SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(max_size=40)
)
PLAIN = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=12) | st.dictionaries(st.text(max_size=8) | st.integers(0, 99), inner, max_size=6)
    ),
    max_leaves=30,
)


@given(st.dictionaries(st.text(max_size=10), PLAIN, max_size=6))
@settings(max_examples=300, deadline=None)
def test_plain_data_survives(value: dict[str, Any]) -> None:
    """pack_plain and unpack_plain are inverse, and msgpack reads the same."""
    body = wire.pack_plain(value)
    assert wire.unpack_plain(body) == value
    assert msgpack.unpackb(body, strict_map_key=False) == value
    assert wire.unpack_plain(msgpack.packb(value)) == value


def test_sampled_waveforms_pass_quickly() -> None:
    """Long runs of numbers count as numbers, not as items: a million samples are a config like any other."""
    value = {"samples": [0.25] * 1_000_000, "zeros": [0] * 1_000_000}
    assert wire.unpack_plain(wire.pack_plain(value)) == value


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "bad_body"),
        (b"\x90", "bad_body"),
        (b"\x80\x80", "bad_body"),
        (b"\x81\xa1a", "bad_body"),
        (b"\xc1", "bad_body"),
        (b"\xd4\x01\x00", "bad_body"),
        (b"\xdf\xff\xff\xff\xff", "bad_body"),
        (b"\x81\xa1a\xdb\xff\xff\xff\xff", "bad_body"),
        (b"\x81\xa1a\xcb\x00", "bad_body"),
        (b"\x81\xa1\xff\x01", "bad_body"),
        (b"\x81\xa1a" + b"\x91" * 80 + b"\x01", "too_large"),
        (b"\x81\xa1a\xdd\x00\x3e\x00\x00" + b"\x01" * 0x3E0000, "too_large"),
    ],
)
def test_broken_bodies_are_refused(body: bytes, code: str) -> None:
    """Empty, not a dict, cut, extension types, lengths of 2^32-1, invalid text, unhashable keys, nested too deep."""
    with pytest.raises(AskedWrongly) as caught:
        wire.unpack_plain(body)
    assert caught.value.code == code


def test_nesting_up_to_the_limit_is_allowed() -> None:
    """A dict that nests to the limit passes, one level more does not."""
    inside = limits.BODY_DEPTH - 2
    wire.unpack_plain(b"\x81\xa1a" + b"\x91" * inside + b"\x01")
    with pytest.raises(AskedWrongly, match="BODY_DEPTH"):
        wire.unpack_plain(b"\x81\xa1a" + b"\x91" * (inside + 1) + b"\x01")


def test_what_is_not_plain_is_not_packed() -> None:
    """An object of a class has no place in a config."""
    with pytest.raises(AskedWrongly, match="plain data"):
        wire.pack_plain({"a": object()})


def test_nan_and_infinity_pass_the_wire() -> None:
    """They are data here; whoever gives them a meaning refuses them."""
    value = wire.unpack_plain(wire.pack_plain({"a": math.nan, "b": -math.inf, "c": -0.0}))
    assert math.isnan(value["a"])
    assert value["b"] == -math.inf
    assert math.copysign(1, value["c"]) == -1


@given(st.binary(max_size=300))
@settings(max_examples=500, deadline=None)
def test_random_bodies_never_crash(data: bytes) -> None:
    """The outcome is a dict or an AskedWrongly; what measure_body accepts, msgpack can decode."""
    try:
        wire.measure_body(data)
    except AskedWrongly:
        return
    try:
        msgpack.unpackb(data, strict_map_key=False)
    except (ValueError, TypeError) as error:  # text that is not UTF-8, keys that cannot be keys
        assert "utf" in str(error) or "unhashable" in str(error)


def test_the_digest_is_blake2b() -> None:
    """40 hexadecimal digits of BLAKE2b, as hashlib gives them."""
    assert wire.content_digest(b"program") == hashlib.blake2b(b"program", digest_size=20).hexdigest()


@pytest.mark.parametrize(
    "error",
    [
        AskedWrongly("no", code="bad", hint="do this", details={"n": 1, "list": [1, {"a": None}], "map": {"x": 0.5}}),
        Taken("held", code="ports_taken", details={"since_ms": 5}),
        OurBug("broken"),
        not_yet("simulate"),
    ],
)
def test_errors_come_back_as_what_they_were(error: QuaymasterError) -> None:
    """Family, code, message, hint and details survive."""
    back = wire.exception_of(wire.fault_of(error))
    assert type(back) is type(error)
    assert (back.code, back.message, back.hint, back.details) == (error.code, error.message, error.hint, error.details)


def test_foreign_exceptions_are_our_bug() -> None:
    """An exception that nobody raised on purpose is named, and only known classes are revived."""
    fault = wire.fault_of(ZeroDivisionError("division by zero"))
    assert (fault.family, fault.code) == ("bug", "internal_error")
    assert "ZeroDivisionError" in fault.message
    assert isinstance(wire.exception_of(fault), OurBug)


def test_details_of_any_size_travel() -> None:
    """Long texts are cut, odd values become words: an error can always be sent."""
    error = AskedWrongly(
        "x" * 10**6, details={"big": 2**70, "nan": math.nan, "list": list(range(10**4)), "o": object()}
    )
    fault = wire.fault_of(error)
    assert len(fault.message) <= limits.MESSAGE_CHARS
    wire.encode(wire.refusal("", fault))
