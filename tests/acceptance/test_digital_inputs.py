"""Digital inputs as users write them: markers are counted and tagged, a wait for one, and the setters of an input."""

from __future__ import annotations

from typing import Any

import pytest
from process_cluster import ProcessCluster
from waiting import until

from quaymaster.qua import (
    counting,
    declare,
    declare_stream,
    for_,
    measure,
    play,
    program,
    save,
    stream_processing,
    time_tagging,
    wait,
    wait_for_trigger,
)

FLIGHT_NS, PULSE_NS, PERIOD_NS, COUNT = 100, 40, 100, 5


def config() -> dict[str, Any]:
    """A laser whose pulses have markers on digital output 1, and a counter that hears them at digital input 1."""
    return {
        "controllers": {
            "con1": {
                "analog_outputs": {1: {}, 2: {}},
                "analog_inputs": {1: {}},
                "digital_outputs": {1: {}},
                "digital_inputs": {1: {"polarity": "RISING", "deadtime": 4, "threshold": 1.0}},
            }
        },
        "elements": {
            "laser": {
                "singleInput": {"port": ("con1", 1)},
                "digitalInputs": {"gate": {"port": ("con1", 1), "delay": 0, "buffer": 0}},
                "operations": {"flash": "flash_pulse"},
            },
            "counter": {
                "singleInput": {"port": ("con1", 2)},
                "outputs": {"out1": ("con1", 1)},
                "digitalOutputs": {"clicks": ("con1", 1)},
                "operations": {"read": "read_pulse"},
                "time_of_flight": FLIGHT_NS,
            },
        },
        "pulses": {
            "flash_pulse": {
                "operation": "control",
                "length": PULSE_NS,
                "waveforms": {"single": "zero"},
                "digital_marker": "on",
            },
            "read_pulse": {"operation": "measurement", "length": 1000, "waveforms": {"single": "zero"}},
        },
        "waveforms": {"zero": {"type": "constant", "sample": 0.0}},
        "digital_waveforms": {"on": {"samples": [(1, 0)]}},
    }


def flashes() -> Any:
    """Flashes every 100 ns while clicks are tagged and counted: "times" and "count"."""
    with program() as prog:
        n, i, count, all_of_them = declare(int), declare(int), declare(int), declare(int)
        times, stream, counts = declare(int, size=20), declare_stream(), declare_stream()
        measure(
            "read",
            "counter",
            None,
            time_tagging.digital(times, 1000, count),
            counting.digital(all_of_them, 1000, element_outputs="clicks"),
        )
        with for_(n, 0, n < COUNT, n + 1):
            play("flash", "laser")
            wait((PERIOD_NS - PULSE_NS) // 4 + 1, "laser")
        with for_(i, 0, i < count, i + 1):
            save(times[i], stream)
        save(all_of_them, counts)
        with stream_processing():
            stream.save_all("times")
            counts.save("count")
    return prog


def results(job: Any) -> tuple[list[int], int]:
    """The tags, and the count."""
    assert job.result_handles.wait_for_all_values(60)
    return job.result_handles.get("times").fetch_all()["value"].tolist(), int(
        job.result_handles.get("count").fetch_all()
    )


@pytest.mark.parametrize("polarity", ["RISING", "FALLING"])
def test_clicks_are_tagged_and_counted(cluster: ProcessCluster, polarity: str) -> None:
    """Behind the plant echo a flash at t ns is heard at t + time_of_flight, which is t ns into the window; a setter of
    the input makes the next job count the other edge, and a threshold that no marker passes none."""
    qm = cluster.manager().open_qm(config())
    qm.set_digital_input_polarity(("con1", 1), polarity)
    assert qm.get_digital_input_polarity(("con1", 1)) == polarity
    first = 0 if polarity == "RISING" else PULSE_NS
    expected = [first + (PERIOD_NS + 4) * n for n in range(COUNT)]
    assert results(qm.execute(flashes())) == (expected, COUNT)
    qm.set_digital_input_threshold(("con1", 1), 3.3)
    assert results(qm.execute(flashes()))[1] == 0


def test_a_wait_for_a_click(cluster: ProcessCluster) -> None:
    """The tag of the click is the delay of the flash and the way to the counter; one that never comes is named."""
    qm = cluster.manager().open_qm(config())

    def waiting(flash: bool) -> Any:
        with program() as prog:
            tag, tags = declare(int), declare_stream()
            if flash:
                wait(50, "laser")
                play("flash", "laser")
            wait_for_trigger("counter", trigger_element=("counter", "clicks"), time_tag_target=tag)
            save(tag, tags)
            with stream_processing():
                tags.save("tag")
        return prog

    job = qm.execute(waiting(True))
    assert job.result_handles.wait_for_all_values(60)
    assert job.result_handles.get("tag").fetch_all() == 200 + FLIGHT_NS
    stuck = qm.execute(waiting(False))
    until(lambda: "an edge at digital input con1/1/1" in stuck.why(), "the job says what it waits for", patience_s=30)
    stuck.cancel()
