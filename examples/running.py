"""How the examples run: on the cluster that QUAYMASTER_HOST and QUAYMASTER_PORT name, else on that of this machine."""

import sys
from contextlib import contextmanager

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from configuration import config

from quaymaster import QuantumMachinesManager


@contextmanager
def started(program, config=config):
    """A program on a qm of its own: (qm, job) once it runs."""
    qmm = QuantumMachinesManager()
    qm = qmm.open_qm(config, close_other_machines=False)
    try:
        yield qm, qm.queue.add(program).wait_for_execution()
    finally:
        qm.close()
        qmm.close()


def results_of(program, config=config):
    """Run a program to its end; returns its results by name."""
    with started(program, config) as (_, job):
        return results_at_the_end(job)


def results_at_the_end(job):
    """Wait for a job's end; returns its results by name."""
    assert job.result_handles.wait_for_all_values(60), job.execution_report()
    return {name: handle.fetch_all() for name, handle in job.result_handles.items()}


def finish(figure):
    """Write the plot to the path on the command line, if there is one."""
    if len(sys.argv) > 1:
        figure.savefig(sys.argv[1], dpi=100)
    plt.close(figure)
