"""Programs as bytes: the same tree gives the same bytes, bytes give back the tree, and nothing else gets through."""

from __future__ import annotations

import hashlib
from typing import get_args

import msgpack
import msgspec
import pytest
from example_trees import FIXED, INT, any_program, likely_program, program, value
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quaymaster._core.errors import AskedWrongly
from quaymaster._core.program import tree
from quaymaster._core.program.check import check_program
from quaymaster._core.program.codec import decode_program, encode_program, program_digest
from quaymaster._core.program.limits import PROGRAM_BYTES_MAX

SLOW = settings(max_examples=150, suppress_health_check=list(HealthCheck), deadline=None)
WANTED = [
    kind.__name__
    for kind in (
        *get_args(tree.Expression),
        *get_args(tree.Statement),
        tree.Chirp,
        tree.Process,
        tree.Tagging,
        tree.Counting,
    )
]
ARRAYS = ("math.sum", "math.max", "math.min", "math.argmax", "math.argmin", "math.dot")


def typical() -> tree.Program:
    """A small program with a bit of everything."""
    return program(
        tree.Play(at=1, operation="x", element="q", amplitude=(FIXED,), duration=INT),
        tree.Save(at=1, source=INT, stream="r1"),
        nodes=(
            tree.Source(stream="r1"),
            tree.Arithmetic(operator="*", left=0, right=tree.Constant(values=(0.5,), scalar=True)),
        ),
        results=(tree.Result(at=1, tag="n", of=1, all=True),),
    )  # fmt: skip


@SLOW
@given(any_program())
def test_any_tree_comes_back(made: tree.Program) -> None:
    """Trees of every form survive the bytes, the bytes are the same each time, and so is the digest."""
    body = encode_program(made)
    again = decode_program(body)
    assert again == made
    assert encode_program(again) == body
    assert program_digest(made) == program_digest(body)


def test_any_program_makes_every_node() -> None:
    """The random trees hold each kind of node."""
    seen: set[str] = set()

    @settings(max_examples=600, suppress_health_check=list(HealthCheck), deadline=None, derandomize=True, database=None)
    @given(any_program())
    def collect(made: tree.Program) -> None:
        text = repr(made.body)
        seen.update(name for name in WANTED if f"{name}(" in text)

    collect()
    assert sorted(set(WANTED) - seen) == []


@SLOW
@given(likely_program())
def test_what_passes_the_checks_has_the_right_types(made: tree.Program) -> None:
    """Of nearly right plays, measures and calls, those without issue keep each rule that the tree states."""
    if check_program(made):
        return
    (statement,) = made.body
    match statement:
        case tree.Assign(value=tree.Call() as call):
            whole = [isinstance(argument, tree.Whole) for argument in call.arguments]
            assert all(whole) if call.function in ARRAYS else not any(whole)
        case tree.Play():
            assert (statement.ramp is not None) == (statement.operation == "")
            assert statement.ramp is None or statement.duration is not None
            assert statement.condition is None or statement.condition.type == "bool"
            assert statement.truncate is None or statement.truncate.type == "int"
            assert statement.timestamp_stream in (None, "r1")
            if statement.chirp is not None:
                times = statement.chirp.times
                assert {rate.type for rate in statement.chirp.rates} == {"int"}
                assert times in ((), tuple(sorted(set(times))))
                assert not times or len(times) == len(statement.chirp.rates)
        case tree.Measure():
            for process in statement.processes:
                if isinstance(process, tree.Tagging):
                    assert process.target == tree.Whole(type="int", array="a1")
                    assert process.count in (None, INT)
                    assert process.max_time in (1, 2_147_483)
                    continue
                if isinstance(process, tree.Counting):
                    assert process.outputs in (("",), ("o", "p"))
                    assert (process.target, process.max_time) == (INT, 1)
                    continue
                full = process.kind.endswith(".full")
                assert process.target == (FIXED if full else tree.Whole(type="fixed", array="a2"))
                assert (process.chunk == 0) == full
                assert process.window in ((1, 2, 3) if process.kind.endswith("moving_window") else (0,))
    assert decode_program(encode_program(made)) == made


@SLOW
@given(any_program())
def test_any_tree_can_be_checked(made: tree.Program) -> None:
    """The checks judge every tree of the right form, and never raise."""
    for issue in check_program(made):
        assert issue.message


@given(st.binary(max_size=400))
def test_random_bytes_are_refused(body: bytes) -> None:
    """Garbage gives bad_program, no other error."""
    with pytest.raises(AskedWrongly) as caught:
        decode_program(body)
    assert caught.value.code == "bad_program"


@given(st.data())
def test_broken_programs_are_refused_or_programs(data: st.DataObject) -> None:
    """Bytes of a program with some changed, cut or added: a program or bad_program, nothing else."""
    body = bytearray(encode_program(typical()))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(body) - 1))
        body[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    try:
        check_program(decode_program(bytes(body)))
    except AskedWrongly as error:
        assert error.code == "bad_program"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    )
)
def test_other_messages_are_refused(message: object) -> None:
    """Well-formed MessagePack that is no program is refused too."""
    with pytest.raises(AskedWrongly) as caught:
        decode_program(msgpack.packb(message))
    assert caught.value.code == "bad_program"


def test_the_digest_is_stable() -> None:
    """The bytes, as the independent library reads them, and the digest of one program, pinned for every Python."""
    made = tree.Program(
        declarations=(),
        streams=(),
        body=(tree.Wait(at=0, duration=value("int", 4)),),
        nodes=(),
        results=(),
        sources=(("user.py", 3),),
    )
    wait = {"node": "Wait", "at": 0, "duration": {"node": "Value", "type": "int", "raw": 4}, "elements": []}
    expected = {
        "node": "Program",
        "declarations": [],
        "streams": [],
        "body": [wait],
        "nodes": [],
        "results": [],
        "sources": [["user.py", 3]],
    }
    assert encode_program(made) == msgpack.packb(expected)
    assert program_digest(made) == hashlib.blake2b(msgpack.packb(expected), digest_size=32).hexdigest()
    assert program_digest(made) == "d3812fa7e96f5fd2eea21be6cf10ef7a748359fc686757baa00ccfc2684530b3"


def test_the_digest_tells_programs_apart() -> None:
    """A different literal, line or tag is a different program."""
    digests = {
        program_digest(made)
        for made in (
            program(tree.Wait(at=0, duration=value("int", 4))),
            program(tree.Wait(at=0, duration=value("int", 5))),
            program(tree.Wait(at=1, duration=value("int", 4))),
            program(tree.Wait(at=0, duration=value("int", 4)), results=(tree.Result(at=0, tag="a", of=0, all=True),)),
        )
    }
    assert len(digests) == 4


def test_too_many_bytes_are_refused_by_size() -> None:
    """One byte above the limit is named so, both ways, before anything is decoded."""
    with pytest.raises(AskedWrongly, match="PROGRAM_BYTES_MAX") as caught:
        decode_program(bytes(PROGRAM_BYTES_MAX + 1))
    assert caught.value.code == "program_too_large"
    long = program(sources=(("x" * PROGRAM_BYTES_MAX, 1),))
    with pytest.raises(AskedWrongly, match="PROGRAM_BYTES_MAX"):
        encode_program(long)


def test_zeros_are_refused() -> None:
    """16 MiB of zeros are no program."""
    with pytest.raises(AskedWrongly) as caught:
        decode_program(bytes(PROGRAM_BYTES_MAX))
    assert caught.value.code == "bad_program"


@pytest.mark.parametrize("depth", [1_000, 100_000])
def test_deep_bytes_are_refused(depth: int) -> None:
    """Expressions nested without end exhaust neither stack nor memory."""
    inner = msgpack.packb({"node": "Value", "type": "int", "raw": 1})
    head = b"\x84\xa4node\xa4Cell\xa4type\xa3int\xa5array\xa2a1\xa5index"
    whole = msgspec.msgpack.encode(program(tree.Wait(at=0, duration=value("int", 12345))))
    hole = msgspec.msgpack.encode(value("int", 12345))
    assert whole.count(hole) == 1
    with pytest.raises(AskedWrongly) as caught:
        decode_program(whole.replace(hole, head * depth + inner))
    assert caught.value.code == "bad_program"


@pytest.mark.parametrize(
    "change",
    [
        lambda fields: fields.pop("body"),
        lambda fields: fields.update(extra=1),
        lambda fields: fields.update(node="Wait"),
        lambda fields: fields.update(body=[{"node": "Explode", "at": 0}]),
        lambda fields: fields.update(sources=[["user.py", "3"]]),
        lambda fields: fields.update(nodes=[{"node": "Map", "of": 0, "function": "exec"}]),
    ],
)
def test_wrong_forms_are_refused(change: object) -> None:
    """A missing, unknown or mistyped field, and unknown statements and functions."""
    fields = msgpack.unpackb(encode_program(typical()))
    change(fields)  # type: ignore[operator]
    with pytest.raises(AskedWrongly) as caught:
        decode_program(msgpack.packb(fields))
    assert caught.value.code == "bad_program"
