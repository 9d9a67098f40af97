"""Trainers, model servers and logs for Hone, by the standard library alone."""

from .log import Counts, Log
from .run import Run, Schema
from .server import serve
from .split import bucket, version

__all__ = ["Counts", "Log", "Run", "Schema", "bucket", "serve", "version"]
