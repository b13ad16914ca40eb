"""The engine of this package behind the seam of `engine`: compiler, machine and plants."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from msgspec import structs

from ..._core.config import Config
from ..._core.engine import image as images
from ..._core.engine.hearing import Hearing
from ..._core.engine.machine import Machine as CompiledMachine
from ..._core.errors import AskedWrongly
from ..._core.program import tree
from ..._core.program.differences import differences_of
from ..._core.program.used import Setting
from ..compiler import compile_program, flag_lines, gap_lines, refuse_gaps, remark_lines
from ..plant import hearing, output_ports, parse_cables, parse_photons, with_lags
from .engine import LatencyProfile, Machine, Numerics, PlantOptions

PLANTS = ("echo", "none", "loopback")


class PlatformEngine:
    """Compiles with `controller.compiler`, runs on `_core.engine`. `alike`: see `Engine.alike`. Raises AskedWrongly
    `bad_plant`."""

    def __init__(self, controller: str, plant: PlantOptions, alike: Collection[str] = ()) -> None:
        if plant.plant not in PLANTS:
            raise AskedWrongly(f"there is no plant {plant.plant!r}", code="bad_plant", hint="use " + ", ".join(PLANTS))
        parse_cables(plant.loopback, [controller])  # what cannot be read is said now, not when a job needs it
        parse_photons(plant.photons)
        self._controller = controller
        self._plant = plant
        self._alike = frozenset(alike)

    def compile(self, program: tree.Program, config: Config, latency: LatencyProfile) -> images.Image:
        """See `Engine.compile`."""
        return compile_program(program, config, latency)

    def warnings(self, image: images.Image, flags: Sequence[str]) -> list[str]:
        """See `Engine.warnings`."""
        refuse_gaps(image, flags)
        return [*flag_lines(flags), *gap_lines(image), *remark_lines(image)]

    def plant(self, image: images.Image, config: Config, elements: Sequence[str]) -> Hearing:
        """See `Engine.plant`."""
        config = with_lags(config, image.latency)
        heard = hearing(
            config,
            elements,
            plant=self._plant.plant,
            cables=self._plant.loopback,
            noise_variance=self._plant.noise,
            trigger_period_ns=self._plant.trigger_period_ns,
            photons=self._plant.photons,
            controllers=sorted({self._controller, *(name for name, _, _ in image.threads_needed)}),
        )
        return structs.replace(heard, outputs=tuple(output_ports(config, image)))

    def is_quick(self, image: images.Image) -> bool:
        """See `Engine.is_quick`."""
        return len(image.measures) == 0

    def machine(
        self, image: images.Image, plant: Any, seed: int, numerics: Numerics, outside: Sequence[Any] = ()
    ) -> Machine:
        """See `Engine.machine`."""
        return CompiledMachine(image, seed=seed, numerics=numerics, plant=plant, outside=outside)

    @property
    def version(self) -> int:
        """See `Engine.version`."""
        return images.ENGINE_VERSION

    @property
    def options(self) -> PlantOptions:
        """See `Engine.options`."""
        return self._plant

    @property
    def alike(self) -> Collection[str]:
        """See `Engine.alike`."""
        return self._alike

    def differences(
        self, program: tree.Program, config: Config, latency: LatencyProfile, numerics: Numerics
    ) -> tuple[str, ...]:
        """See `Engine.differences`."""
        setting = Setting(
            numerics=numerics,
            latency=latency,
            plant=self._plant.plant,
            noisy=self._plant.noise > 0.0,
            lit=parse_photons(self._plant.photons) is not None,
        )
        return differences_of(program, config, setting)

    def encode(self, image: images.Image) -> bytes:
        """See `Engine.encode`."""
        return images.encode_image(image)

    def decode(self, body: bytes) -> images.Image:
        """See `Engine.decode`."""
        return images.decode_image(body)
