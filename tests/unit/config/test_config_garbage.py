"""Whatever is handed in, parsing gives a config or issues, never another exception."""

from __future__ import annotations

import math
import random
from fractions import Fraction
from typing import Any

import example_configs
import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quaymaster._core.config import check_config, effective_config, parse_config, ports_claimed, threads_needed
from quaymaster._core.config.limits import ISSUES_MAX
from quaymaster._core.config.parse import SECTIONS
from quaymaster._core.errors import AskedWrongly

EXAMPLES = [example_configs.opx_two_qubits, example_configs.opx_readout_pair, example_configs.opx1000_lf_mw]


def all_keys(value: Any) -> set[Any]:
    """Every key of the examples, so that random dicts come deep into the schema."""
    if isinstance(value, dict):
        return set(value).union(*map(all_keys, value.values()))
    return set().union(*map(all_keys, value)) if isinstance(value, list) else set()


KEYS = sorted(set().union(*(all_keys(example()) for example in EXAMPLES)), key=str)
ODD: list[Any] = [
    10**5000,
    -(10**400),
    1e308,
    5e-324,
    math.nan,
    -math.inf,
    "\ud800",
    "",
    "x" * 100_000,
    b"\x00",
    1j,
    Fraction(1, 3),
    object(),
    {1, 2},
    range(3),
    np.zeros((2, 2)),
    np.array(1.5),
    np.array(["a"]),
    np.datetime64("2020-01-01"),
    (("con1", 1), 1),
    ("con1", 2**70),
    ("con1", "١"),
    [[]],
    {None: None},
    {(): {}},
]
leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from([key for key in KEYS if isinstance(key, str)]),
    st.sampled_from(["opx1", "opx1000", "LF", "MW", "constant", "arbitrary", "control", "con1"]),
    st.sampled_from(range(len(ODD))).map(lambda index: ODD[index]),
)
junk = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(st.sampled_from(KEYS), st.integers(0, 12), st.text(max_size=3)), inner, max_size=6),
    ),
    max_leaves=25,
)
sections = st.dictionaries(st.sampled_from(SECTIONS), st.dictionaries(st.sampled_from(KEYS), junk, max_size=3))


def holds(raw: Any) -> None:
    """Either a config that everything derived accepts, or errors that ``check_config`` raises; never both."""
    config, issues = parse_config(raw)
    errors = [issue for issue in issues if issue.level != "warning"]
    assert (config is None) == bool(errors)
    assert len(issues) <= ISSUES_MAX + 1
    msgspec.msgpack.encode(issues)
    if config is None:
        with pytest.raises(AskedWrongly) as caught:
            check_config(raw)
        assert caught.value.code == "config_error"
        for issue in errors:
            assert str(issue) in caught.value.message
            assert len(issue.message) < 2000
        return
    again, _ = parse_config(effective_config(config))
    assert again == config
    ports_claimed(config)
    threads_needed(config, config.elements)
    for name, element in config.elements.items():
        config.mixer_correction(name)
        for ref in element.input_ports.values():
            config.analog_output(ref)
        for ref in element.output_ports.values():
            config.analog_input(ref)


@settings(max_examples=300, deadline=None)
@given(st.one_of(junk, sections))
def test_random_junk(raw: Any) -> None:
    """Nested junk, shapeless or in the shape of sections, gives issues and no other exception."""
    holds(raw)


def places(value: Any, keys: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The key paths of all values inside a config; long lists by their ends."""
    found = [keys] if keys else []
    if isinstance(value, dict):
        for key, item in value.items():
            found += places(item, (*keys, key))
    elif isinstance(value, list):
        for index in sorted({0, len(value) - 1} if value else ()):
            found += places(value[index], (*keys, index))
    return found


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(EXAMPLES), st.integers(0, 2**32), st.lists(junk, min_size=1, max_size=4))
def test_random_mutations(example: Any, seed: int, values: list[Any]) -> None:
    """A good config with some values replaced, removed, renamed or swapped gives issues or is still good."""
    raw = example()
    chance = random.Random(seed)
    for value in values:
        keys = chance.choice(places(raw))
        parent = raw
        for key in keys[:-1]:
            parent = parent[key]
        kind = chance.randrange(4)
        if kind == 0 or not isinstance(parent, dict):
            parent[keys[-1]] = value
        elif kind == 1:
            del parent[keys[-1]]
        elif kind == 2:
            parent[chance.choice(KEYS)] = parent.pop(keys[-1])
        else:
            parent[keys[-1]] = example()
            for key in chance.choice(places(raw)):
                parent[keys[-1]] = parent[keys[-1]].get(key, 0) if isinstance(parent[keys[-1]], dict) else 0
        if not places(raw):
            break
    holds(raw)


@pytest.mark.parametrize("odd", range(len(ODD)))
def test_odd_values_everywhere(odd: int) -> None:
    """Each odd value, put into each place of each example, gives issues or is accepted."""
    for example in EXAMPLES:
        for keys in places(example()):
            raw: Any = example()
            parent = raw
            for key in keys[:-1]:
                parent = parent[key]
            if isinstance(parent, (dict, list)):
                parent[keys[-1]] = ODD[odd]
                parse_config(raw)


def test_depth_and_width_cost_little() -> None:
    """A thousandfold nested dict, one that holds itself, and a list of a million entries are refused at once."""
    deep: Any = {}
    for _ in range(1000):
        deep = {"elements": deep}
    holds(deep)
    circle: dict[str, Any] = {}
    circle["elements"] = circle
    holds(circle)
    raw = example_configs.opx_readout_pair()
    raw["waveforms"]["drive_wf"] = {"type": "arbitrary", "samples": [0.0] * 1_000_001}
    _, issues = parse_config(raw)
    assert any("1 to 1000000 numbers" in issue.message for issue in issues)
