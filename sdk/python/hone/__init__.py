"""Trainers, model servers and logs for Hone, by the standard library alone."""

from .encoder import Encoder
from .log import Counts, Log
from .run import Run
from .schema import Schema
from .server import serve
from .split import bucket, version

__all__ = ["Counts", "Encoder", "Log", "Run", "Schema", "bucket", "serve", "version"]
