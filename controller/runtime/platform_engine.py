"""The engine of this package behind the seam of `engine`: compiler, machine and plants."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..._core.config import Config
from ..._core.engine import image as images
from ..._core.engine.machine import Machine as CompiledMachine
from ..._core.program import tree
from ..compiler import compile_program
from .engine import Machine, Numerics, PlantOptions


class PlatformEngine:
    """Compiles with `controller.compiler`, runs on `_core.engine`."""

    def __init__(self, controller: str, plant: PlantOptions) -> None:
        self._controller = controller
        self._plant = plant

    def compile(self, program: tree.Program, config: Config) -> images.Image:
        """See `Engine.compile`."""
        return compile_program(program, config)

    def plant(self, image: images.Image, config: Config, elements: Sequence[str]) -> Any:
        """See `Engine.plant`."""
        raise NotImplementedError

    def machine(self, image: images.Image, plant: Any, seed: int, numerics: Numerics) -> Machine:
        """See `Engine.machine`."""
        return CompiledMachine(image, seed=seed, numerics=numerics, plant=plant)

    def encode(self, image: images.Image) -> bytes:
        """See `Engine.encode`."""
        return images.encode_image(image)

    def decode(self, body: bytes) -> images.Image:
        """See `Engine.decode`."""
        return images.decode_image(body)
