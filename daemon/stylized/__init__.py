"""The daemon of Stylized: the engine that paints, and the service that lets programs ask it to."""

from importlib.metadata import version

__version__ = version("stylized")
