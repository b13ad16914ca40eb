"""How the examples run: on the cluster that QUAYMASTER_HOST and QUAYMASTER_PORT name, else on that of this machine."""

import sys

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from configuration import config

from quaymaster import QuantumMachinesManager


def results_of(program):
    """Run a program on a qm of its own; returns its results by name."""
    qmm = QuantumMachinesManager()
    qm = qmm.open_qm(config, close_other_machines=False)
    try:
        job = qm.queue.add(program).wait_for_execution()
        assert job.result_handles.wait_for_all_values(60), job.execution_report()
        return {name: handle.fetch_all() for name, handle in job.result_handles.items()}
    finally:
        qm.close()
        qmm.close()


def finish(figure):
    """Write the plot to the path on the command line, if there is one."""
    if len(sys.argv) > 1:
        figure.savefig(sys.argv[1], dpi=100)
    plt.close(figure)
