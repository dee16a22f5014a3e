"""The only place that builds and wires objects.

`system.py` is a running Phalanx, `doors.py` its doors, `sealed.py` opens what is sealed in its folder;
`machine.py` is what it stands on; `folders.py` is for a data folder whose server does not run, or hangs.
"""

from phalanx.bootstrap.doors import application, http_protocol
from phalanx.bootstrap.folders import (
    audit_trail,
    order_direct_kill,
    replay_state,
    rescue_admin,
    snapshot_files,
    verify_folder,
)
from phalanx.bootstrap.machine import LoopTimer, SystemClock, SystemRandom
from phalanx.bootstrap.system import System, build

__all__ = [
    "LoopTimer",
    "System",
    "SystemClock",
    "SystemRandom",
    "application",
    "audit_trail",
    "build",
    "http_protocol",
    "order_direct_kill",
    "replay_state",
    "rescue_admin",
    "snapshot_files",
    "verify_folder",
]
