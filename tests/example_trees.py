"""Small trees and random ones, for tests that need trees without the language front end."""

from __future__ import annotations

import types
from typing import Any, Literal, Union, get_args, get_origin

import msgspec
from hypothesis import strategies as st

from quaymaster._core.program import tree

INT = tree.Variable(type="int", name="v1")
FIXED = tree.Variable(type="fixed", name="v2")
BOOL = tree.Variable(type="bool", name="v3")
DECLARATIONS = (
    tree.Declaration(at=0, name="v1", type="int", size=0, initial=(0,)),
    tree.Declaration(at=0, name="v2", type="fixed", size=0, initial=(0,)),
    tree.Declaration(at=0, name="v3", type="bool", size=0, initial=(0,)),
    tree.Declaration(at=0, name="a1", type="int", size=2, initial=(1, 2)),
    tree.Declaration(at=0, name="a2", type="fixed", size=3, initial=(0, 0, 0)),
)
STREAMS = (
    tree.StreamDeclaration(at=0, name="r1"),
    tree.StreamDeclaration(at=0, name="r2", adc=True, trace=True),
    tree.StreamDeclaration(at=0, name="r3", type="bool"),
    tree.StreamDeclaration(at=0, name="r4", type="fixed"),
    tree.StreamDeclaration(at=0, name="r5", adc=True),
)
SOURCES = (("user.py", 1), ("user.py", 7))


def value(type: tree.VarType, raw: int) -> tree.Value:
    """A literal."""
    return tree.Value(type=type, raw=raw)


def program(*body: tree.Statement, **fields: Any) -> tree.Program:
    """A program of ``body`` with the variables and streams above, unless ``fields`` say otherwise."""
    parts: dict[str, Any] = {"declarations": DECLARATIONS, "streams": STREAMS, "nodes": (), "results": ()}
    return tree.Program(**(parts | {"body": body, "sources": SOURCES} | fields))


def any_program() -> st.SearchStrategy[tree.Program]:
    """Any tree of the right form, whatever it means."""
    return _records(tree.Program)


def likely_program() -> st.SearchStrategy[tree.Program]:
    """A program of one statement that is nearly right: names that are declared, types and counts that often fit."""
    return st.one_of(_likely_play(), _likely_measure(), _likely_call()).map(program)


def _likely_numbers() -> st.SearchStrategy[Any]:
    literals = [value("int", 4), value("int", 3), value("fixed", 1), value("bool", 1)]
    arrays = [tree.Whole(type="int", array="a1"), tree.Whole(type="fixed", array="a2")]
    cell = tree.Cell(type="fixed", array="a2", index=INT)
    return st.sampled_from([INT, FIXED, BOOL, cell, *literals, *arrays])


def _likely_call() -> st.SearchStrategy[Any]:
    calls = st.builds(
        tree.Call,
        type=st.sampled_from(["int", "fixed", "bool"]),
        function=st.sampled_from(get_args(tree.Function)),
        arguments=st.lists(_likely_numbers(), min_size=1, max_size=3).map(tuple),
    )
    return st.builds(tree.Assign, at=st.just(1), target=st.sampled_from([INT, FIXED, BOOL]), value=calls)


def _likely_play() -> st.SearchStrategy[Any]:
    operand = st.none() | _likely_numbers()
    chirp = st.builds(
        tree.Chirp,
        rates=st.lists(_likely_numbers(), max_size=3).map(tuple),
        times=st.lists(st.integers(-1, 3), max_size=3).map(tuple),
        units=st.sampled_from(get_args(tree.FrequencyUnits)),
    )
    return st.builds(
        tree.Play,
        at=st.just(1),
        operation=st.sampled_from(["x", ""]),
        element=st.just("q"),
        ramp=operand,
        duration=operand,
        truncate=operand,
        chirp=st.none() | chirp,
        condition=operand,
        timestamp_stream=st.sampled_from([None, "r1", "r2", "r3", "r9"]),
    )


def _likely_measure() -> st.SearchStrategy[Any]:
    targets = [FIXED, INT, tree.Whole(type="fixed", array="a2"), tree.Whole(type="int", array="a1")]
    process = st.builds(
        tree.Process,
        at=st.just(1),
        kind=st.sampled_from(get_args(tree.ProcessKind)),
        weights=st.sampled_from([("w",), ("w", "w")]),
        outputs=st.sampled_from([("",), ("o", "p")]),
        target=st.sampled_from(targets),
        chunk=st.integers(-1, 8),
        window=st.integers(-1, 4),
    )
    return st.builds(
        tree.Measure,
        at=st.just(1),
        operation=st.just("x"),
        element=st.just("q"),
        processes=st.lists(process | _likely_tagging() | _likely_counting(), max_size=2).map(tuple),
        timestamp_stream=st.sampled_from([None, "r1", "r2", "r3", "r9"]),
    )


def _likely_tagging() -> st.SearchStrategy[Any]:
    return st.builds(
        tree.Tagging,
        at=st.just(1),
        kind=st.sampled_from(get_args(tree.TaggingKind)),
        output=st.sampled_from(["", "o"]),
        target=st.sampled_from([tree.Whole(type="int", array="a1"), tree.Whole(type="fixed", array="a2")]),
        max_time=st.sampled_from([0, 1, 2_147_483, 1 << 31]),
        count=st.sampled_from([None, INT, FIXED]),
    )


def _likely_counting() -> st.SearchStrategy[Any]:
    return st.builds(
        tree.Counting,
        at=st.just(1),
        kind=st.just("counting.digital"),
        outputs=st.sampled_from([("",), ("o", "p"), ("o", "o"), ()]),
        max_time=st.sampled_from([0, 1, 1 << 31]),
        target=st.sampled_from([INT, FIXED]),
    )


def _records(record: type[Any]) -> st.SearchStrategy[Any]:
    fields = {field.name: _fields(field.type) for field in msgspec.structs.fields(record)}
    return st.builds(record, **fields)


def _fields(type: Any) -> st.SearchStrategy[Any]:
    """Values of an annotation of ``tree``; what refers back to itself is made from a small stock."""
    if type in (int, float, str, bool):
        return {
            int: st.integers(-(2**31), 2**31 - 1),
            float: st.floats(allow_nan=False),
            str: st.text(max_size=6),
            bool: st.booleans(),
        }[type]
    if type is None or type is types.NoneType:
        return st.none()
    origin = get_origin(type)
    if origin is Literal:
        return st.sampled_from(get_args(type))
    if origin in (Union, types.UnionType):
        members = frozenset(get_args(type))
        if members == frozenset(get_args(tree.Expression)):
            return EXPRESSIONS
        if members == frozenset(get_args(tree.Statement)):
            return STATEMENTS
        return st.one_of([_fields(member) for member in get_args(type)])
    if origin is tuple:
        arguments = get_args(type)
        if len(arguments) == 2 and arguments[1] is ...:
            return st.lists(_fields(arguments[0]), max_size=3).map(tuple)
        return st.tuples(*(_fields(argument) for argument in arguments))
    return _records(type)


EXPRESSIONS = st.deferred(lambda: st.recursive(_leaves(), _grown, max_leaves=6))
STATEMENTS = st.deferred(lambda: st.recursive(_flat(), _nested, max_leaves=5))


def _leaves() -> st.SearchStrategy[Any]:
    return st.one_of(_records(tree.Value), _records(tree.Variable), _records(tree.Whole), _records(tree.Io))


def _grown(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    types = st.sampled_from(["int", "fixed", "bool"])
    operators = st.sampled_from(["+", "*", "<<", "==", "&"])
    return st.one_of(
        st.builds(tree.Binary, type=types, operator=operators, left=inner, right=inner),
        st.builds(tree.Cell, type=types, array=st.text(max_size=3), index=inner),
        st.builds(
            tree.Call,
            type=types,
            function=st.sampled_from(get_args(tree.Function)),
            arguments=st.lists(inner | _records(tree.Whole), max_size=3).map(tuple),
        ),
    )


def _flat() -> st.SearchStrategy[Any]:
    kinds = (tree.Assign, tree.Save, tree.Play, tree.Measure, tree.Wait, tree.Align, tree.FrameRotation)
    phases = (tree.ResetFrame, tree.ResetIfPhase, tree.ResetGlobalPhase, tree.UpdateFrequency, tree.UpdateCorrection)
    more = (tree.RampToZero, tree.SetDcOffset, tree.LoadWaveform, tree.AdvanceInput, tree.Pause, tree.WaitForTrigger)
    return st.one_of([_records(kind) for kind in (*kinds, *phases, *more)])


def _nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    at = st.integers(-1, 5)
    body = st.lists(inner, max_size=2).map(tuple)
    branch = st.builds(tree.Branch, at=at, condition=EXPRESSIONS, body=body)
    assign = st.none() | _records(tree.Assign)
    return st.one_of(
        st.builds(tree.StrictTiming, at=at, body=body),
        st.builds(tree.If, at=at, branches=st.lists(branch, max_size=2).map(tuple), otherwise=body),
        st.builds(tree.For, at=at, body=body, start=assign, condition=st.none() | EXPRESSIONS, step=assign),
        st.builds(
            tree.ForEach,
            at=at,
            variables=st.lists(_records(tree.Variable), max_size=2).map(tuple),
            arrays=st.lists(st.text(max_size=3), max_size=2).map(tuple),
            body=body,
        ),
    )
