"""A process that is asked to end ends, however often and whenever it is asked."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

WAITER = (
    "from bot.ending import Ending\n"
    "ending = Ending()\nending.listen()\nprint('ready', flush=True)\n"
    "while not ending.wait(0.0001):\n    pass\n"
    "print('asked', flush=True)\ninput()\n"
)


def test_signals_in_any_number_end_the_wait_once_and_for_all() -> None:
    for round_ in range(5):
        process = subprocess.Popen([sys.executable, "-c", WAITER], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stdin is not None
        process.stdout.readline()
        time.sleep(0.01 * round_)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGINT):
            process.send_signal(number)
        assert process.stdout.readline() == b"asked\n"
        process.communicate(b"\n", timeout=20)
        assert process.returncode == 0
