"""The configuration of the embedded PostgreSQL, as text: settings, who may connect, as whom.

Pure but for the memory of the machine. `{sockets}` is left for the supervisor, which knows where
they are.
"""

import os
from collections.abc import Iterable
from pathlib import Path

ROLE = DATABASE = "socdefenders"
PORT = 5432
"""Part of the socket's name; no TCP port is opened."""

MEBIBYTE = 1024 * 1024
CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


def memory() -> int:
    """Return the memory, in MiB, that this machine or this container may use."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        limit = int(CGROUP_LIMIT.read_text(encoding="ascii"))
    except (OSError, ValueError):  # no such file, or "max"
        limit = total
    return min(total, limit) // MEBIBYTE


def shared_memory_kind() -> str:
    """Choose where parallel workers share memory: containers often have too small a /dev/shm for it."""
    try:
        room = os.statvfs("/dev/shm")  # noqa: S108 - looked at, not written to
    except OSError:  # no such place: not Linux
        return "posix"
    return "posix" if room.f_frsize * room.f_blocks >= 256 * MEBIBYTE else "mmap"


def settings(memory_mb: int, *, shared_buffers_mb: int | None, durable: bool) -> str:
    """Write `socdefenders.conf` for a machine of `memory_mb` MiB; not `durable` is for tests that can be run again."""
    shared = shared_buffers_mb or min(max(memory_mb // 5, 128), 2048)
    values = {
        "listen_addresses": "",
        "unix_socket_directories": "{sockets}",
        "unix_socket_permissions": "0700",
        "port": PORT,
        "max_connections": 100,
        "shared_buffers": f"{shared}MB",
        "effective_cache_size": f"{max(memory_mb // 2, shared)}MB",
        "work_mem": "16MB",
        "maintenance_work_mem": f"{min(max(shared // 4, 64), 512)}MB",
        "huge_pages": "try",
        "dynamic_shared_memory_type": shared_memory_kind(),
        "max_wal_size": "2GB",
        "min_wal_size": "256MB" if durable else "80MB",
        "wal_compression": "on",
        "checkpoint_completion_target": 0.9,
        "synchronous_commit": "on" if durable else "off",
        "fsync": "on" if durable else "off",
        "full_page_writes": "on" if durable else "off",
        "random_page_cost": 1.1,
        "jit": "off",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_destination": "stderr",
        "logging_collector": "off",
        "log_min_messages": "warning",
        "log_line_prefix": "%m [%p] ",
    }
    return "".join(f"{name} = '{value}'\n" for name, value in values.items())


def hba() -> str:
    """Write `pg_hba.conf`: the operating system says who connects, over UNIX sockets only."""
    return f"local all {ROLE} peer map={ROLE}\n"


def ident(accounts: Iterable[str]) -> str:
    """Write `pg_ident.conf`: these accounts of the system, and no other, are our one role."""
    quoted = ('"{}"'.format(name.replace('"', '""')) for name in dict.fromkeys(accounts))
    return "".join(f"{ROLE} {name} {ROLE}\n" for name in quoted)
