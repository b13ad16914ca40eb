"""One program on two controllers: what one measures decides what the other plays, and a cable leads to the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from process_cluster import ProcessCluster
from waiting import until

from quaymaster.client.exceptions import FailedToExecuteJobException
from quaymaster.controller.records.replay import replay
from quaymaster.qua import (
    align,
    amp,
    assign,
    declare,
    declare_stream,
    fixed,
    for_,
    integration,
    measure,
    play,
    program,
    save,
    stream_processing,
    wait,
)

LENGTH, FLIGHT_NS, CABLE_NS, LEVEL, SHOTS = 1000, 40, 24, 0.1, 3
CABLES = f"--plant=loopback --loopback=1>1:{CABLE_NS} --loopback=con1/2>con2/2:{CABLE_NS}"


def config() -> dict[str, Any]:
    """``here`` on con1 and ``there`` on con2 measure input 1, ``far`` input 2 of con2; ``drive`` plays on con1."""

    def measured(controller: str, output: int, number: int) -> dict[str, Any]:
        return {
            "singleInput": {"port": (controller, output)},
            "outputs": {"out1": (controller, number)},
            "operations": {"readout": "readout", "silence": "silence"},
            "time_of_flight": FLIGHT_NS,
        }

    ports = {"analog_outputs": {1: {}, 2: {}, 3: {}}, "analog_inputs": {1: {}, 2: {}}, "digital_outputs": {1: {}}}
    weights = {"integration_weights": {"flat": "flat"}}
    pulse = {"operation": "measurement", "length": LENGTH, "digital_marker": "on", **weights}
    return {
        "controllers": {"con1": ports, "con2": ports},
        "elements": {
            "here": measured("con1", 1, 1),
            "there": measured("con2", 1, 1),
            "far": measured("con2", 3, 2),
            "drive": {"singleInput": {"port": ("con1", 2)}, "operations": {"play": "play"}},
        },
        "pulses": {
            "readout": {**pulse, "waveforms": {"single": "level"}},
            "silence": {**pulse, "waveforms": {"single": "zero"}},
            "play": {"operation": "control", "length": LENGTH, "waveforms": {"single": "level"}},
        },
        "waveforms": {
            "level": {"type": "constant", "sample": LEVEL},
            "zero": {"type": "constant", "sample": 0.0},
        },
        "digital_waveforms": {"on": {"samples": [(1, 0)]}},
        "integration_weights": {"flat": {"cosine": [(1.0, LENGTH)], "sine": [(0.0, LENGTH)]}},
    }


def feed_forward() -> Any:
    """``there`` plays -5 times what ``here`` measured; ``far`` listens to ``drive``, which plays half as loud."""
    with program() as prog:
        n, a, b, c = declare(int), declare(fixed), declare(fixed), declare(fixed)
        streams = [declare_stream() for _ in range(3)]
        with for_(n, 0, n < SHOTS, n + 1):
            align()
            measure("readout", "here", None, integration.full("flat", a, "out1"))
            assign(b, a * -5)
            measure("readout" * amp(b), "there", None, integration.full("flat", b, "out1"))
            align()
            play("play" * amp(0.5), "drive")
            measure("silence", "far", None, integration.full("flat", c, "out1"))
            wait(100)
            for value, stream in zip((a, b, c), streams, strict=True):
                save(value, stream)
        with stream_processing():
            for name, stream in zip("abc", streams, strict=True):
                stream.with_timestamps().save_all(name)
    return prog


def checked(job: Any) -> None:
    """Values and times of ``feed_forward``: sums of constant volts over 4096, in windows one after the other. The last
    16 ns of a window hear nothing: a cable takes 24 ns of the 40 ns of flight."""
    assert job.result_handles.wait_for_all_values(60)
    found = {name: job.result_handles.get(name).fetch_all() for name in "abc"}
    gain = -LEVEL * (LENGTH - FLIGHT_NS + CABLE_NS) / 4096
    for name, value in {"a": gain, "b": gain * -5 * gain, "c": gain / 2}.items():
        assert np.abs(found[name]["value"] - value).max() <= 2e-8, (name, value, found[name])
    ends = {"a": LENGTH + FLIGHT_NS, "b": 2 * (LENGTH + FLIGHT_NS), "c": 3 * LENGTH + 2 * FLIGHT_NS}
    for name, end in ends.items():
        assert found[name]["timestamp"].tolist() == [end + n * (3 * LENGTH + FLIGHT_NS + 400) for n in range(SHOTS)]


def test_one_program_on_two_controllers(make_cluster: Callable[..., ProcessCluster]) -> None:
    """Values and times are what formulas say, live and replayed; the job waits until both are there, and runs on where
    the second goes."""
    cluster = make_cluster({"con1": f"opx+ {CABLES} --alike=con2", "con2": f"opx+ {CABLES} --alike=con1"})
    with cluster.manager() as qmm:
        qm = qmm.open_qm(config())
        job = qm.execute(feed_forward())
        checked(job)
        assert "several_controllers" in {row.id for row in job.difference_report()}
        assert replay(cluster.directory / "con1", job.id).same
        cluster.kill("con2")
        until(
            lambda: [info.name for info in qmm.get_controllers() if info.connected] == ["con1"],
            "con2 is gone",
            patience_s=30,
        )
        waits = qm.queue.add(feed_forward())
        assert "con2 is not connected" in waits.why()
        cluster.start_controller("con2")
        checked(waits.wait_for_execution(30))


def test_plants_that_differ(make_cluster: Callable[..., ProcessCluster]) -> None:
    """One of them would compute for both, so both must have the same behind their ports, also where an element that
    plays on one measures with the other."""
    cluster = make_cluster({"con1": f"opx+ {CABLES}", "con2": "opx+ --plant=none"})
    with cluster.manager() as qmm:
        qm = qmm.open_qm(config())
        with pytest.raises(FailedToExecuteJobException, match="con2 has another plant than con1") as refused:
            qm.execute(feed_forward())
        assert "cluster file" in str(refused.value)
        across = config()
        across["elements"] = {"here": {**across["elements"]["here"], "outputs": {"out1": ("con2", 1)}}}
        with program() as prog:
            measure("readout", "here", None)
        with pytest.raises(FailedToExecuteJobException, match="con2 has another plant than con1"):
            qmm.open_qm(across).execute(prog)
