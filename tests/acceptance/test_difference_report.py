"""`job.difference_report()` as a user asks for it, over real processes."""

from __future__ import annotations

import pytest
from example_configs import opx_readout_pair
from known_programs import endless, readings
from process_cluster import ProcessCluster

from quaymaster import SimulationConfig
from quaymaster._core.errors import Taken

IN_READINGS = {"simulated_time", "ideal_latencies", "echo_plant", "inverted_inputs", "amplitude_resolution"}


def test_a_job_says_what_of_it_is_approximated(cluster: ProcessCluster) -> None:
    """The controller that ran the job names what its program met, with its numerics; a sentence and a page each."""
    qm = cluster.manager().open_qm(opx_readout_pair())
    job = qm.queue.add(readings(3)).wait_for_execution(30)
    assert job.result_handles.wait_for_all_values(30)
    report = job.difference_report()
    assert set(report.ids) >= IN_READINGS | {"linear_numerics"}
    assert not {"exact_widths", "division_by_zero", "raw_traces", "shared_ports"} & set(report.ids)
    assert all(row.sentence.endswith(".") and row.documented.startswith("docs/") for row in report)
    assert not job.execution_report().has_errors()


def test_a_running_job_has_no_report_yet(cluster: ProcessCluster) -> None:
    """It is refused in words while the job runs; once it was halted it is there."""
    qm = cluster.manager().open_qm(opx_readout_pair())
    job = qm.queue.add(endless()).wait_for_execution(30)
    with pytest.raises(Taken, match="comes with its end"):
        job.difference_report()
    job.halt()
    job.result_handles.wait_for_all_values(30)
    assert set(job.difference_report().ids) >= IN_READINGS


def test_a_simulation_says_it_too(cluster: ProcessCluster) -> None:
    """Its inputs hear nothing unless told, and its samples start without a lead-in."""
    job = cluster.manager().simulate(opx_readout_pair(), readings(1), SimulationConfig(duration=300))
    job.result_handles.wait_for_all_values(30)
    assert set(job.difference_report().ids) >= {"silent_plant", "start_of_program"}
    assert "echo_plant" not in job.difference_report()
