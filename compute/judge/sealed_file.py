"""Bytes in memory that nobody can change: inputs, sources and compiled programs on their way into a sandbox."""

import os
from fcntl import F_ADD_SEALS, F_SEAL_GROW, F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_WRITE, fcntl
from typing import Self


class SealedFile:
    """Bytes in memory that nobody can change; every `open` starts at the first byte."""

    def __init__(self, data: bytes, name: str = "input") -> None:
        self._descriptor = -1
        written = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            with open(written, "wb", closefd=False) as file:
                file.write(data)
            self._seal(written)
        finally:
            os.close(written)

    @classmethod
    def sealing(cls, written: int) -> Self:
        """Of an open memory file that somebody else wrote. The caller closes `written`."""
        sealed = cls.__new__(cls)
        sealed._descriptor = -1
        sealed._seal(written)
        return sealed

    def _seal(self, written: int) -> None:
        fcntl(written, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
        self.size = os.fstat(written).st_size
        # What is open for writing cannot be executed.
        self._descriptor = os.open(f"/proc/self/fd/{written}", os.O_RDONLY | os.O_CLOEXEC)

    def open(self) -> int:
        return os.open(f"/proc/self/fd/{self._descriptor}", os.O_RDONLY | os.O_CLOEXEC)

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __del__(self) -> None:
        self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
