"""The README's code, as it stands there: two users, each in a process of their own."""

from __future__ import annotations

import math
import re
from pathlib import Path

from process_cluster import ProcessCluster
from user_process import User

README = Path(__file__).parents[2] / "README.md"


def test_the_guides_flow_in_code(cluster: ProcessCluster) -> None:
    """One user opens and queues, another one finds the qm, the first one waits and fetches what the formula says."""
    opens, finds, fetches = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    with User("ada", cluster.environment) as ada, User("ben", cluster.environment) as ben:
        ada.run(opens)
        ben.run(finds)
        assert ben.value("qm.id") == ada.value("qm.id")
        ada.run(fetches)
        expected = -0.2 * 1000 / 2 / 4096 * math.cos(2 * math.pi * 50e6 * 24e-9)
        assert abs(ada.value("float(job.result_handles.get('I').fetch_all())") - expected) < 1e-6
        assert ben.value("qmm.list_open_quantum_machines()") == []


def test_the_picture_and_the_pages_are_there() -> None:
    """What the README links to exists."""
    text = README.read_text()
    for link in re.findall(r"\]\(([^)#]+)\)", text) + re.findall(r"`((?:docs|deploy)/[^`]*)`", text):
        if "://" not in link:
            assert (README.parent / link).exists(), link
