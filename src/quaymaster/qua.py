"""The language, importable as ``from quaymaster.qua import *``."""

from .client.qua import *  # noqa: F403
from .client.qua import __all__ as __all__
