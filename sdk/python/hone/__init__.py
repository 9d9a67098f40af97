"""Trainers and model servers for Hone, by the standard library alone."""

from .run import Run, Schema
from .server import serve

__all__ = ["Run", "Schema", "serve"]
