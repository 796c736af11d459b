"""Has the C library give freed memory back: of its pools, one for each thread or so, none is ever emptied.

Each pool grows to what the largest job needed that a thread did with it, and holes between what lives on cannot be
used from another pool. Two pools are used again and again, and the interpreter lets only one thread ask at a time.
"""

from __future__ import annotations

import ctypes
import platform

POOLS = 2
_M_ARENA_MAX = -8
"""The number of this parameter in glibc's malloc.h; other libraries have no such pools."""


def share_pools() -> bool:
    """Have all threads allocate from POOLS pools; to be called before the first of them is started."""
    if platform.libc_ver()[0] != "glibc":
        return False
    return bool(ctypes.CDLL(None).mallopt(_M_ARENA_MAX, POOLS))
