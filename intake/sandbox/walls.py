"""Cutting this process off from the network, from other processes and from its privileges."""

from __future__ import annotations

import ctypes
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

# linux/sched.h, linux/prctl.h, linux/capability.h
NEW_USER, NEW_NETWORK, NEW_IPC, NEW_PROCESSES = 0x10000000, 0x40000000, 0x08000000, 0x20000000
_SET_PARENT_DEATH_SIGNAL, _SET_SUBREAPER, _SET_NO_NEW_PRIVILEGES = 1, 36, 38
_CAPABILITIES_VERSION = 0x20080522
# Root reads what belongs to others, as it could before; it keeps nothing else.
_KEPT_CAPABILITIES = 1 << 1 | 1 << 2

# What lets a process reach another one, or parts of the kernel that no reader needs.
_FORBIDDEN = (
    *("connect", "ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd"),
    *("io_uring_setup", "io_uring_enter", "io_uring_register"),
    *("bpf", "perf_event_open", "userfaultfd", "keyctl", "add_key", "request_key"),
    *("mount", "umount2", "pivot_root", "open_by_handle_at"),
)

_libc = ctypes.CDLL(None, use_errno=True)


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Capabilities(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def works_in_child(act: Callable[[], None]) -> bool:
    """Say whether an act that cannot be undone succeeds, by trying it in a child."""
    child = os.fork()
    if child == 0:
        try:
            act()
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitpid(child, 0)[1] == 0


def enter_namespaces() -> None:
    """Leave the network, and see no other processes from the next fork on. Raise OSError.

    Needs one thread. Users and groups keep their numbers: root those of all, others their own.
    """
    hearing, telling = os.pipe()
    process = os.getpid()
    mapper = os.fork()
    if mapper == 0:
        os.close(telling)
        _map_when_told(hearing, process)
    os.close(hearing)
    try:
        _call("unshare", NEW_USER | NEW_NETWORK | NEW_IPC | NEW_PROCESSES)
        os.write(telling, b"1")
    finally:
        os.close(telling)
        status = os.waitpid(mapper, 0)[1]
    if status:
        raise OSError("users could not be mapped")


def _map_when_told(hearing: int, process: int) -> NoReturn:
    """Map users from outside of the namespace: only there may root map more than itself."""
    try:
        if os.read(hearing, 1):
            for kind, own in (("uid", os.geteuid()), ("gid", os.getegid())):
                _map(Path(f"/proc/{process}"), kind, own)
            os._exit(0)
    finally:
        os._exit(1)


def _map(process: Path, kind: str, own: int) -> None:
    mine = Path(f"/proc/self/{kind}_map").read_text().split()
    everybody = "".join(
        f"{first} {first} {count}\n" for first, count in zip(mine[::3], mine[2::3], strict=True)
    )
    try:
        (process / f"{kind}_map").write_text(everybody)
    except PermissionError:
        if kind == "gid":
            (process / "setgroups").write_text("deny")
        (process / f"{kind}_map").write_text(f"{own} {own} 1\n")


def open_process_namespace() -> int:
    """Return a descriptor of this process's own namespace of processes."""
    return os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)


def fork_into_new_namespace(own: int) -> None:
    """Let the next fork be the first process of a namespace: when it ends, all in there end with it."""
    _call("setns", own, NEW_PROCESSES)
    _call("unshare", NEW_PROCESSES)


def load_filter() -> None:
    """Deny what reaches a network or another process, for good. Raise OSError, ImportError or RuntimeError.

    Sockets within one program are left: LibreOffice listens at one, though nobody may connect to it.
    """
    import pyseccomp as seccomp

    # The first argument of both is the family, the second holds the type in its lowest four bits.
    is_datagram = seccomp.Arg(1, seccomp.MASKED_EQ, 0xF, socket.SOCK_DGRAM)
    is_new_user = seccomp.Arg(0, seccomp.MASKED_EQ, NEW_USER, NEW_USER)
    rules = seccomp.SyscallFilter(seccomp.ALLOW)
    no = seccomp.ERRNO(13)
    rules.add_rule(no, "socket", seccomp.Arg(0, seccomp.NE, socket.AF_UNIX))
    rules.add_rule(no, "socket", is_datagram)
    rules.add_rule(no, "socketpair", is_datagram)
    for name in _FORBIDDEN:
        rules.add_rule(no, name)
    rules.add_rule(no, "unshare", is_new_user)
    rules.add_rule(no, "clone", is_new_user)
    # Its flags lie in memory where no filter sees them; without it the C library takes clone.
    rules.add_rule(seccomp.ERRNO(38), "clone3")
    rules.load()


def give_up_privileges() -> None:
    """Gain no more privileges, and keep none but reading and writing what belongs to others."""
    _call("prctl", _SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    header = _CapabilityHeader(_CAPABILITIES_VERSION, 0)
    capabilities = (_Capabilities * 2)()
    _call("capget", ctypes.byref(header), ctypes.byref(capabilities))
    kept = capabilities[0].permitted & _KEPT_CAPABILITIES
    less = (_Capabilities * 2)(_Capabilities(kept, kept, 0))
    _call("capset", ctypes.byref(header), ctypes.byref(less))


def die_with_parent(signal_number: int) -> None:
    """Be sent a signal when the parent dies, which must have one thread."""
    _call("prctl", _SET_PARENT_DEATH_SIGNAL, signal_number, 0, 0, 0)


def adopt_orphans() -> None:
    """Become the parent of what this process's children leave behind."""
    _call("prctl", _SET_SUBREAPER, 1, 0, 0, 0)


def _call(name: str, *arguments: object) -> None:
    if getattr(_libc, name)(*arguments) == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), name)
