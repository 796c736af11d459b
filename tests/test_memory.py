"""What the C library keeps of freed memory, asked of the library itself in a process of its own."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys

import pytest

from bot.memory import POOLS

CROWD = """
import ctypes, sys, threading
from bot.memory import share_pools
if sys.argv[1] == "shared":
    assert share_pools()
everybody = threading.Barrier(12)
def work():
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    everybody.wait()
    libc.malloc(5000)
    everybody.wait()
crowd = [threading.Thread(target=work) for _ in range(12)]
for each in crowd: each.start()
for each in crowd: each.join()
libc = ctypes.CDLL(None)
out = ctypes.c_void_p.in_dll(libc, "stdout")
libc.malloc_info(0, out)
libc.fflush(out)
"""


def pools(how: str) -> int:
    """How many pools a process with a dozen threads ends up with."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_"))}
    command = [sys.executable, "-c", CROWD, how]
    told = subprocess.run(command, env=own, check=True, capture_output=True, text=True).stdout
    return len(re.findall(r'<heap nr="', told))


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has pools for threads")
def test_threads_share_two_pools_of_memory() -> None:
    assert pools("each its own") > POOLS
    assert pools("shared") == POOLS
