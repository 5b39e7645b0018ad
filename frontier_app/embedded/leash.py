"""Runs one command that dies with its parent: a script, started by path with nothing but the standard library.

    python leash.py PARENT SIGNAL keep|become|appear UID GID COMMAND...

The kernel sends SIGNAL to the command when the process PARENT, or rather the thread that started this one, ends in any
way. It forgets that request when the user id changes, so the id is changed first: `become` gives up root's rights for
another account's, `appear` enters a user namespace in which the user goes by another account's number. Being a program
of its own, this does between fork and exec what must not be done in a process that has threads.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1
CLONE_NEWUSER = 0x10000000


def main(arguments: list[str]) -> None:
    parent, death_signal = int(arguments[0]), int(arguments[1])
    how, uid, gid = arguments[2], int(arguments[3]), int(arguments[4])
    command = arguments[5:]
    libc = ctypes.CDLL(None, use_errno=True)
    if how == "become":
        os.setgroups([gid])
        os.setgid(gid)
        os.setuid(uid)
        os.umask(0o077)
    elif how == "appear":
        appear_as(libc, uid, gid)
    if sys.platform == "linux":
        libc.prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    if os.getppid() != parent:
        raise SystemExit("The supervisor ended before this process began.")
    os.execv(command[0], command)


def appear_as(libc: ctypes.CDLL, uid: int, gid: int) -> None:
    """Where the kernel does not allow it nothing changes, and the command says itself what it misses."""
    ours, our_group = os.getuid(), os.getgid()
    if libc.unshare(CLONE_NEWUSER) != 0:
        return
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {ours} 1"), ("gid_map", f"{gid} {our_group} 1")):
        with open(f"/proc/self/{name}", "w") as stream:
            stream.write(text)


if __name__ == "__main__":
    main(sys.argv[1:])
