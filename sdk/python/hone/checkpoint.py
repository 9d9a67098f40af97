"""What an attempt leaves for the next one, and when it has to."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any, Optional


class Stop:
    """Knows whether SIGTERM has come, once it was asked."""

    def __init__(self) -> None:
        self._listens = self._came = False

    def asked(self) -> bool:
        if not self._listens:
            signal.signal(signal.SIGTERM, self._hear)
            self._listens = True
        return self._came

    def _hear(self, *_: Any) -> None:
        self._came = True


def write(path: Path, state: bytes) -> None:
    """Writes a file that is there as a whole or not at all."""
    new = path.with_name(path.name + ".new")
    with open(new, "wb") as file:
        file.write(state)
        file.flush()
        os.fsync(file.fileno())
    os.replace(new, path)


def read(path: Path) -> Optional[bytes]:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
