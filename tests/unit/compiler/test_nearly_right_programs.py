"""Programs that are nearly right compile or are refused in words: the compiler crashes for none."""

from __future__ import annotations

from example_configs import opx_readout_pair
from example_trees import likely_program
from hypothesis import HealthCheck, given, settings

from quaymaster._core.config.model import Config
from quaymaster._core.config.parse import parse_config
from quaymaster._core.errors import AskedWrongly
from quaymaster._core.program import tree
from quaymaster._core.program.check import check_program
from quaymaster.controller.compiler import compile_program


def config() -> Config:
    """One readout element q with the operation x and the weights w."""
    raw = opx_readout_pair()
    element = raw["elements"]["rr"] | {"operations": {"x": "readout_pulse"}}
    raw["elements"] = {"q": element}
    raw["pulses"]["readout_pulse"]["integration_weights"] = {"w": "cos_w"}
    parsed, issues = parse_config(raw)
    assert parsed is not None, issues
    return parsed


CONFIG = config()


@settings(max_examples=300, suppress_health_check=list(HealthCheck), deadline=None)
@given(likely_program())
def test_nearly_right_programs_compile_or_are_refused(made: tree.Program) -> None:
    """Whatever the tree holds: an image, or one error in words."""
    try:
        compile_program(made, CONFIG)
    except AskedWrongly as error:
        assert error.code in ("compile_error", "not_yet")
        assert error.code == "not_yet" or check_program(made) or "user.py" in error.message
