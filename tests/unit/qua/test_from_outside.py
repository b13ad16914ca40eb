"""IO registers, input streams, pauses and triggers, as users write them, give exactly the tree written down here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import quaymaster.qua as q
from quaymaster._core.errors import AskedWrongly
from quaymaster._core.program import limits, tree
from quaymaster._core.program.codec import decode_program, encode_program

INT, FIXED, BOOL = (tree.Io(type=type_, number=1) for type_ in ("int", "fixed", "bool"))  # type: ignore[arg-type]
HALF = 1 << 27


def built(write: Callable[..., Any]) -> tree.Program:
    """The program that ``write(n, f, b)`` makes; it survives the wire."""
    with q.program() as prog:
        write(*(q.declare(t) for t in (int, q.fixed, bool)))
    assert decode_program(encode_program(prog.tree)) == prog.tree
    return prog.tree


def only(write: Callable[..., Any]) -> Any:
    """The one statement of it."""
    (statement,) = built(write).body
    return statement


def value(type_: tree.VarType, raw: int) -> tree.Value:
    """A literal."""
    return tree.Value(type=type_, raw=raw)


READS: list[tuple[str, Callable[..., Any], tree.Expression]] = [
    ("int", lambda n, f, b: q.assign(n, q.IO1), INT),
    ("fixed", lambda n, f, b: q.assign(f, q.IO1), FIXED),
    ("bool", lambda n, f, b: q.assign(b, q.IO1), BOOL),
    (
        "beside a fixed",
        lambda n, f, b: q.assign(f, q.IO1 * f),
        tree.Binary(type="fixed", operator="*", left=FIXED, right=tree.Variable(type="fixed", name="v2")),
    ),
    (
        "behind an int",
        lambda n, f, b: q.assign(n, n + q.IO1),
        tree.Binary(type="int", operator="+", left=tree.Variable(type="int", name="v1"), right=INT),
    ),
    (
        "negated",
        lambda n, f, b: q.assign(n, -q.IO1),
        tree.Binary(type="int", operator="-", left=value("int", 0), right=INT),
    ),
    (
        "negated, as a fixed",
        lambda n, f, b: q.assign(f, -q.IO1),
        tree.Binary(type="fixed", operator="-", left=value("fixed", 0), right=FIXED),
    ),
    (
        "two, as a fixed",
        lambda n, f, b: q.assign(f, q.IO1 * q.IO1),
        tree.Binary(type="fixed", operator="*", left=FIXED, right=FIXED),
    ),
    (
        "two, beside a float",
        lambda n, f, b: q.assign(f, 0.5 - (q.IO1 + q.IO1)),
        tree.Binary(
            type="fixed",
            operator="-",
            left=value("fixed", HALF),
            right=tree.Binary(type="fixed", operator="+", left=FIXED, right=FIXED),
        ),
    ),
    (
        "quotient",
        lambda n, f, b: q.assign(f, q.IO1 / q.IO1),
        tree.Binary(type="fixed", operator="/", left=FIXED, right=FIXED),
    ),
    (
        "in Util.cond, as a fixed",
        lambda n, f, b: q.assign(f, q.Util.cond(b, q.IO1, q.Math.abs(q.IO1))),
        tree.Call(
            type="fixed",
            function="util.cond",
            arguments=(
                tree.Variable(type="bool", name="v3"),
                FIXED,
                tree.Call(type="fixed", function="math.abs", arguments=(FIXED,)),
            ),
        ),
    ),
    (
        "shifted",
        lambda n, f, b: q.assign(n, q.IO1 << 3),
        tree.Binary(type="int", operator="<<", left=INT, right=value("int", 3)),
    ),
    (
        "as a count",
        lambda n, f, b: q.assign(f, f >> q.IO1),
        tree.Binary(type="fixed", operator=">>", left=tree.Variable(type="fixed", name="v2"), right=INT),
    ),
    (
        "cast",
        lambda n, f, b: q.assign(f, q.Cast.to_fixed(q.IO1)),
        tree.Call(type="fixed", function="cast.to_fixed", arguments=(INT,)),
    ),
]


@pytest.mark.parametrize(("write", "wanted"), [case[1:] for case in READS], ids=[case[0] for case in READS])
def test_a_register_is_read_as_what_is_wanted(write: Callable[..., Any], wanted: tree.Expression) -> None:
    """The target, the other operand, what a statement takes; an int where nothing tells."""
    assert only(write).value == wanted


CONDITIONS: list[tuple[str, Callable[..., Any], tree.Expression]] = [
    ("int", lambda n, f, b: q.IO1 == 3, tree.Binary(type="bool", operator="==", left=INT, right=value("int", 3))),
    (
        "fixed",
        lambda n, f, b: q.IO1 < 0.5,
        tree.Binary(type="bool", operator="<", left=FIXED, right=value("fixed", HALF)),
    ),
    ("bool", lambda n, f, b: q.IO1 == True, tree.Binary(type="bool", operator="==", left=BOOL, right=value("bool", 1))),  # noqa: E712
    ("alone", lambda n, f, b: q.IO1, BOOL),
    ("mirrored", lambda n, f, b: q.IO1 == 3, tree.Binary(type="bool", operator="==", left=INT, right=value("int", 3))),
]


@pytest.mark.parametrize(
    ("condition", "wanted"), [case[1:] for case in CONDITIONS], ids=[case[0] for case in CONDITIONS]
)
def test_a_register_in_a_condition(condition: Callable[..., Any], wanted: tree.Expression) -> None:
    """with if_(IO1 == 3), with while_(IO1): what stands beside it gives its type."""

    def write(n: Any, f: Any, b: Any) -> None:
        with q.while_(condition(n, f, b)):
            pass
        with q.if_(condition(n, f, b)):
            pass

    loop, branch = built(write).body
    assert isinstance(loop, tree.For) and loop.condition == wanted
    assert isinstance(branch, tree.If) and branch.branches[0].condition == wanted


def test_operands_of_statements() -> None:
    """Durations are ints, amplitudes fixed."""

    def write(n: Any, f: Any, b: Any) -> None:
        q.play("x" * q.amp(q.IO1), "q", duration=q.IO1, condition=q.IO1)
        q.wait(q.IO1, "q")
        with q.switch_(q.IO1), q.case_(2):
            q.align()

    play, wait, subject, _ = built(write).body
    assert isinstance(play, tree.Play) and (play.amplitude, play.duration, play.condition) == ((FIXED,), INT, BOOL)
    assert isinstance(wait, tree.Wait) and wait.duration == INT
    assert isinstance(subject, tree.Assign) and subject.value == INT


ASSIGNS: list[tuple[str, Callable[..., Any], tree.VarType, tree.Expression]] = [
    ("5", lambda n, f, b: q.assign(q.IO2, 5), "int", value("int", 5)),
    ("0.5", lambda n, f, b: q.assign(q.IO2, 0.5), "fixed", value("fixed", HALF)),
    ("True", lambda n, f, b: q.assign(q.IO2, True), "bool", value("bool", 1)),
    ("f", lambda n, f, b: q.assign(q.IO2, f), "fixed", tree.Variable(type="fixed", name="v2")),
    ("IO1", lambda n, f, b: q.assign(q.IO2, q.IO1), "int", INT),
]


@pytest.mark.parametrize(
    ("write", "type_", "wanted"), [case[1:] for case in ASSIGNS], ids=[case[0] for case in ASSIGNS]
)
def test_a_register_is_assigned(write: Callable[..., Any], type_: tree.VarType, wanted: tree.Expression) -> None:
    """It keeps the bits of what is assigned, in its own type."""
    statement = only(write)
    assert (statement.target, statement.value) == (tree.Io(type=type_, number=2), wanted)


def declarations(write: Callable[[], Any]) -> list[tuple[str, str, int, tuple[int, ...], str]]:
    """What ``write`` declares."""
    with q.program() as prog:
        write()
    return [(d.name, d.type, d.size, d.initial, d.input) for d in prog.tree.declarations]


INPUTS: list[tuple[str, Callable[[], Any], tuple[Any, ...]]] = [
    ("old", lambda: q.declare_input_stream(int, "tau"), ("int", 0, (0,))),
    ("old size", lambda: q.declare_input_stream(float, name="tau", size=2), ("fixed", 2, (0, 0))),
    ("old value", lambda: q.declare_input_stream(q.fixed, "tau", 0.5), ("fixed", 0, (HALF,))),
    ("old values", lambda: q.declare_input_stream(bool, "tau", value=[True, False]), ("bool", 2, (1, 0))),
    ("client", lambda: q.declare_input_stream("client", "tau", int), ("int", 0, (0,))),
    ("client size", lambda: q.declare_input_stream("client", "tau", bool, size=3), ("bool", 3, (0, 0, 0))),
    ("named", lambda: q.declare_input_stream(source="client", stream_id="tau", dtype=int, value=[4]), ("int", 1, (4,))),
]


@pytest.mark.parametrize(("write", "wanted"), [case[1:] for case in INPUTS], ids=[case[0] for case in INPUTS])
def test_input_streams_are_declared(write: Callable[[], Any], wanted: tuple[Any, ...]) -> None:
    """Both ways of the platform, scalars and arrays; the variable is called as the platform does."""
    type_, size, initial = wanted
    assert declarations(write) == [("input_stream_tau", type_, size, initial, "tau")]


def test_a_numbered_stream_is_named_so() -> None:
    """A number is a name too."""
    assert declarations(lambda: q.declare_input_stream("client", 7, int))[0][-1] == "7"


def test_input_streams_are_advanced_and_used() -> None:
    """As any variable or array, in either way of writing it."""

    def write(n: Any, f: Any, b: Any) -> None:
        tau, table = (
            q.declare_input_stream("client", "tau", int),
            q.declare_input_stream("client", "table", bool, size=3),
        )
        q.advance_input_stream(tau)
        q.receive_from_stream(table)
        q.play("x", "q", duration=tau, condition=table[2])
        assert table.length().node == value("int", 3)

    first, second, play = built(write).body
    assert isinstance(first, tree.AdvanceInput) and first.variable == "input_stream_tau"
    assert isinstance(second, tree.AdvanceInput) and second.variable == "input_stream_table"
    assert isinstance(play, tree.Play) and play.duration == tree.Variable(type="int", name="input_stream_tau")


def test_pauses_and_triggers() -> None:
    """pause() names nothing; wait_for_trigger an element, and maybe what it plays meanwhile."""

    def write(n: Any, f: Any, b: Any) -> None:
        q.pause()
        q.wait_for_trigger("q")
        q.wait_for_trigger("q", "const")

    pause, silent, sounding = built(write).body
    assert isinstance(pause, tree.Pause)
    assert isinstance(silent, tree.WaitForTrigger) and (silent.element, silent.operation) == ("q", "")
    assert isinstance(sounding, tree.WaitForTrigger) and sounding.operation == "const"


def test_triggers_at_digital_inputs() -> None:
    """trigger_element is an element or (element, output); time_tag_target an int variable."""

    def write(n: Any, f: Any, b: Any) -> None:
        q.wait_for_trigger("q", trigger_element="p")
        q.wait_for_trigger("q", "const", ("p", "out1"), n)

    plain, tagged = built(write).body
    assert isinstance(plain, tree.WaitForTrigger) and isinstance(tagged, tree.WaitForTrigger)
    assert (plain.source, plain.tag) == (tree.TriggerSource(element="p"), None)
    assert tagged.source == tree.TriggerSource(element="p", output="out1")
    assert tagged.tag == tree.Variable(type="int", name="v1")


WRONG: list[tuple[str, Callable[..., Any], str, str]] = [
    ("save", lambda v: q.save(q.IO1, q.declare_stream()), "bad_save", "assign it to a variable first"),
    ("in place", lambda v: q.IO1.__iadd__(1), "in_place", "assign(IO1"),
    ("for_", lambda v: q.for_(q.IO1, 0, q.IO1 < 3, q.IO1 + 1), "bad_target", ""),
    ("measure", lambda v: q.measure("r", "q", q.demod.full("w", q.IO1)), "bad_target", ""),
    ("initial", lambda v: q.declare(int, value=q.IO1), "bad_declaration", "use assign"),
    ("python", lambda v: bool(q.IO1), "python_logic", "if_(...)"),
    ("mixed", lambda v: q.assign(v, q.IO1 + 0.5), "type_mismatch", ""),
    ("IO2*2", lambda v: q.assign(q.declare(q.fixed), q.IO2 * 2), "type_mismatch", "as a float, 2.0 for 2"),
    ("IO2>>1", lambda v: q.assign(q.declare(q.fixed), -(q.IO2 >> 1)), "type_mismatch", ""),
    ("1+IO2*2", lambda v: q.assign(q.declare(q.fixed), 1 + q.IO2 * 2), "type_mismatch", "as a float, 2.0 for 2"),
    ("list", lambda v: q.assign(q.IO1, [1]), "not_a_scalar", ""),
    ("no stream", lambda v: q.advance_input_stream(v), "bad_stream", "declare_input_stream"),
    ("no stream 3", lambda v: q.receive_from_stream(3), "bad_stream", "declare_input_stream"),
    ("source", lambda v: q.declare_input_stream("disk", "a", int), "bad_stream", '"client"'),
    ("name", lambda v: q.declare_input_stream(int, 3), "bad_name", ""),
    ("no name", lambda v: q.declare_input_stream("client", "", int), "bad_name", ""),
    ("long", lambda v: q.declare_input_stream(int, "x" * limits.NAME_LENGTH_MAX), "bad_name", ""),
    ("type", lambda v: q.declare_input_stream("client", "a", str), "bad_type", "int, fixed or bool"),
    ("both", lambda v: q.declare_input_stream(int, "a", [1], 3), "bad_declaration", "leave out size"),
    ("size", lambda v: q.declare_input_stream(int, "a", size=0), "bad_declaration", ""),
    ("twice", lambda v: [q.declare_input_stream(int, "a") for _ in range(2)], "duplicate_stream", ""),
    ("trigger", lambda v: q.wait_for_trigger(3), "bad_name", ""),
    ("pulse", lambda v: q.wait_for_trigger("q", 3), "bad_name", ""),
    ("source 3", lambda v: q.wait_for_trigger("q", trigger_element=3), "bad_name", ""),
    ("source of 3", lambda v: q.wait_for_trigger("q", trigger_element=("p", "a", "b")), "bad_trigger", ""),
    ("source output", lambda v: q.wait_for_trigger("q", trigger_element=("p", 1)), "bad_name", ""),
    ("tag alone", lambda v: q.wait_for_trigger("q", time_tag_target=v), "bad_trigger", "digital output"),
    ("tag 3", lambda v: q.wait_for_trigger("q", None, "p", 3), "bad_target", ""),
    ("tag fixed", lambda v: q.wait_for_trigger("q", None, "p", q.declare(q.fixed)), "bad_target", ""),
]


@pytest.mark.parametrize(("write", "code", "hint"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_wrong_use(write: Callable[..., Any], code: str, hint: str) -> None:
    """Refused at the line where it stands, with the next step."""
    with q.program():
        v = q.declare(int)
        with pytest.raises(AskedWrongly) as caught:
            write(v)
    assert caught.value.code == code
    assert hint in caught.value.hint
    assert caught.value.details["file"] == __file__


def test_an_input_stream_belongs_to_its_program() -> None:
    """One of another program is refused."""
    with q.program():
        tau = q.declare_input_stream(int, "tau")
    with q.program(), pytest.raises(AskedWrongly) as caught:
        q.advance_input_stream(tau)
    assert caught.value.code == "other_program"


def test_a_tree_with_wrong_inputs_is_no_program() -> None:
    """What no front end writes: an advance of a plain variable, two streams of one name, a variable called IO1."""
    plain = tree.Declaration(at=-1, name="IO1", type="int", size=0, initial=(0,))
    streams = tuple(tree.Declaration(at=-1, name=n, type="int", size=0, initial=(0,), input="a") for n in ("x", "y"))
    advance = tree.AdvanceInput(at=-1, variable="IO1")
    from quaymaster._core.program.check import check_program

    made = tree.Program(declarations=(plain, *streams), streams=(), body=(advance,), nodes=(), results=(), sources=())
    assert [issue.message for issue in check_program(made)] == [
        "IO1 is a register, and no name of a variable",
        "there are two input streams 'a'",
        "IO1 belongs to no input stream",
    ]
