"""Ports that a config claims, and threads that its elements take."""

from __future__ import annotations

from typing import Any

import example_configs
import msgspec
import pytest

from quaymaster._core.config import (
    Port,
    check_config,
    ports_claimed,
    thread_capacity,
    thread_of,
    threads_needed,
    type_matches,
)
from quaymaster._core.errors import AskedWrongly


def test_every_declared_port_is_claimed() -> None:
    """Ports count as claimed because they are declared, whether or not an element uses them."""
    raw = example_configs.opx_two_qubits()
    raw["controllers"]["con2"] = {"digital_inputs": {3: {"polarity": "FALLING"}}}
    claims = ports_claimed(check_config(raw))
    names = [str(port) for port in claims]
    outputs = [f"con1/1 analog output {n}" for n in range(1, 8)]
    inputs = ["con1/1 analog input 1", "con1/1 analog input 2"]
    digital = ["con1/1 digital output 1", "con1/1 digital output 2"]
    assert names == [*inputs, *outputs, *digital, "con2/1 digital input 3"]
    assert list(claims) == sorted(claims)


def test_claims_hold_what_sharers_must_agree_on() -> None:
    """Physical values are apart from the offset and from shareable; a stored claim equals a fresh one."""
    claims = ports_claimed(check_config(example_configs.opx_two_qubits()))
    flux = claims[Port("con1", 1, "out", "analog", 7)]
    assert (flux.shareable, flux.offset) == (False, 0.1)
    assert flux.physical["filter"]["feedforward"] == [0.9, -0.1]
    assert not {"offset", "shareable", "kind"} & set(flux.physical)
    readout = claims[Port("con1", 1, "in", "analog", 1)]
    assert (readout.shareable, readout.physical["gain_db"]) == (True, 3)
    assert claims[Port("con1", 1, "out", "digital", 2)].physical == {"inverted": True}
    for claim in ports_claimed(check_config(example_configs.opx1000_lf_mw())).values():
        assert msgspec.json.decode(msgspec.json.encode(claim), type=type(claim)) == claim


def test_microwave_ports() -> None:
    """Ports of a MW-FEM are of the kind microwave, in their FEM, and have no offset."""
    claims = ports_claimed(check_config(example_configs.opx1000_lf_mw()))
    port = Port("con1", 2, "out", "microwave", 1)
    assert str(port) == "con1/2 microwave output 1"
    assert claims[port].offset is None
    assert claims[port].physical["band"] == 2


def costs(raw: dict[str, Any], *elements: str) -> dict[tuple[str, int], int]:
    return threads_needed(check_config(raw), elements)


def test_thread_costs_on_an_opx() -> None:
    """One for a single port, two for IQ, the ports together for multipleInputs, one for a collection or digital."""
    raw = example_configs.opx_two_qubits()
    inputs = {"inputs": {"a": ("con1", 1), "b": ("con1", 2), "c": ("con1", 3)}}
    raw["elements"]["many"] = {"multipleInputs": inputs}
    raw["elements"]["one"] = {"singleInputCollection": inputs}
    raw["elements"]["laser"] = {"digitalInputs": {"d": {"port": ("con1", 1), "delay": 0, "buffer": 0}}}
    home = ("con1", 1)
    assert costs(raw) == {}
    assert costs(raw, "flux") == {home: 1}
    assert costs(raw, "q1") == {home: 2}
    assert costs(raw, "q1", "q2", "rr1", "rr2") == {home: 8}
    assert costs(raw, "q1", "q1") == {home: 2}
    raw["controllers"]["con2"] = raw["controllers"]["con1"]
    raw["elements"]["flux"]["digitalInputs"] = {"d": {"port": ("con2", 2), "delay": 0, "buffer": 0}}
    assert costs(raw, "flux", "q1") == {home: 3, ("con2", 1): 0}
    assert costs(raw, "many") == {home: 3}
    assert costs(raw, "one") == {home: 1}
    assert costs(raw, "laser") == {home: 1}


def test_thread_costs_on_fems() -> None:
    """A port at 2 GS/s and a MW output take two; FEMs are counted apart."""
    raw = example_configs.opx1000_lf_mw()
    assert costs(raw, "flux") == {("con1", 1): 1}
    assert costs(raw, "fast") == {("con1", 1): 2}
    assert costs(raw, "q", "rr", "fast", "flux") == {("con1", 1): 3, ("con1", 2): 4}


def test_a_core_is_shared() -> None:
    """Elements of one core take the largest need among them; a core is no element of the same name."""
    raw = example_configs.opx_two_qubits()
    for name in ("q1", "flux"):
        raw["elements"][name]["core"] = "q2"
    assert costs(raw, "q1", "flux") == {("con1", 1): 2}
    assert costs(raw, "flux") == {("con1", 1): 1}
    assert costs(raw, "q1", "flux", "q2") == {("con1", 1): 4}
    config = check_config(raw)
    assert (thread_of(config, "q1"), thread_of(config, "rr1")) == ("q2", "rr1")


def test_unknown_elements_are_refused() -> None:
    """Asking for threads of an element that is not there names it."""
    with pytest.raises(AskedWrongly, match="element 'nobody' is not in the config"):
        costs(example_configs.opx_readout_pair(), "nobody")


def test_capacities() -> None:
    """OPX 10, OPX+ 18, every FEM of an OPX1000 16; anything else is refused."""
    assert [thread_capacity(kind) for kind in ("opx", "opx1", "opx+", "OPX+")] == [10, 10, 18, 18]
    assert [thread_capacity("opx1000", fem) for fem in ("LF", "MW", "mw")] == [16, 16, 16]
    for kind, fem in (("opx1000", None), ("opx2", None), ("opx1000", "HF")):
        with pytest.raises(AskedWrongly, match="no controller of type"):
            thread_capacity(kind, fem)


def test_types_match_hardware() -> None:
    """opx1 and opx name an OPX or an OPX+; opx1000 only an OPX1000."""
    matching = {(c, h) for c in ("opx1", "opx", "opx1000") for h in ("opx", "opx+", "opx1000") if type_matches(c, h)}
    assert matching == {("opx1", "opx"), ("opx1", "opx+"), ("opx", "opx"), ("opx", "opx+"), ("opx1000", "opx1000")}
