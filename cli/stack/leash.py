"""A program of its own: `leash.py PARENT COMMAND…` becomes COMMAND, which the kernel kills when its parent dies.

Nothing may outlive a supervisor that was killed: the next one would find ports and files taken. Run with
`python -I -S`, so it costs little. It stands between fork and exec because code between the two (`preexec_fn`) may
deadlock when the parent has threads.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Tie this process to its parent, then become the command."""
    parent, *command = sys.argv[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != int(parent):  # it died before we asked
            sys.exit(1)
    os.execvp(command[0], command)  # noqa: S606 - the supervisor's own command


if __name__ == "__main__":
    main()
