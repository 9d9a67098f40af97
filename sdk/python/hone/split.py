"""Splits traffic as Hone's own gateway does, for a model that is served elsewhere."""

from __future__ import annotations

import struct
from typing import Any, Mapping

_ALL = (1 << 64) - 1
_P1, _P2, _P3 = 11400714785074694791, 14029467366897019727, 1609587929392839161
_P4, _P5 = 9650029242287828579, 2870177450012600261


def bucket(salt: str, unit: str) -> float:
    """Places a unit, a user or a session, in [0, 1): the 64-bit xxHash of salt, a
    zero byte and the unit, over 2^64, cut to 53 bits."""
    return (_xxh64(salt.encode() + b"\0" + unit.encode()) >> 11) / float(1 << 53)


def version(weights: Mapping[str, Any], unit: str) -> str:
    """The version that is to answer a unit, by what GET …/weights gave: the value of
    the feature sticky_by or, where the plan names none, the prediction's id."""
    challenger = weights.get("challenger")
    if challenger and bucket(weights.get("salt", ""), unit) < weights.get("weight", 0.0):
        return str(challenger)
    return str(weights["champion"])


def _rotate(x: int, by: int) -> int:
    return ((x << by) | (x >> (64 - by))) & _ALL


def _round(acc: int, lane: int) -> int:
    return _rotate((acc + lane * _P2) & _ALL, 31) * _P1 & _ALL


def _xxh64(data: bytes) -> int:
    n, at = len(data), 0
    if n >= 32:
        lanes = [(_P1 + _P2) & _ALL, _P2, 0, -_P1 & _ALL]
        while n - at >= 32:
            lanes = [_round(acc, lane) for acc, lane in zip(lanes, struct.unpack_from("<4Q", data, at))]
            at += 32
        h = sum(_rotate(acc, by) for acc, by in zip(lanes, (1, 7, 12, 18))) & _ALL
        for acc in lanes:
            h = ((h ^ _round(0, acc)) * _P1 + _P4) & _ALL
    else:
        h = _P5
    h = (h + n) & _ALL
    while n - at >= 8:
        h ^= _round(0, struct.unpack_from("<Q", data, at)[0])
        h = (_rotate(h, 27) * _P1 + _P4) & _ALL
        at += 8
    if n - at >= 4:
        h ^= struct.unpack_from("<I", data, at)[0] * _P1 & _ALL
        h = (_rotate(h, 23) * _P2 + _P3) & _ALL
        at += 4
    for byte in data[at:]:
        h ^= byte * _P5 & _ALL
        h = _rotate(h, 11) * _P1 & _ALL
    h = (h ^ (h >> 33)) * _P2 & _ALL
    h = (h ^ (h >> 29)) * _P3 & _ALL
    return h ^ (h >> 32)
