"""A job's log: a file the child's standard error goes to, and a tail of it in the row and on open pages.

The file is the whole log; the row keeps the last lines, so that a list of jobs can show them without opening files.
"""

from frontier_app import live
from frontier_app.jobs.patience import patiently
from frontier_app.models import Job

TAIL_CHARACTERS = 6_000
READ_BYTES = 256 << 10
LINES_A_NOTICE = 200


class JobLog:
    """Opened by whoever runs the job. `follow` carries what is new in the file to the row and the pages."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self.path = job.log_path
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path.touch()
        self._offset = self.path.stat().st_size
        self._partial = b""
        self._tail = job.log_tail

    def write(self, *lines: str) -> None:
        """Append whole lines, as the child's own logging is appended."""
        if lines:
            with self.path.open("ab") as file:
                file.write("".join(f"{line}\n" for line in lines).encode("utf-8", "replace"))

    def follow(self, last: bool = False) -> None:
        """Publish the lines added since the last call; with `last`, also one that has no end yet."""
        with self.path.open("rb") as file:
            if last:
                self._skip_to(file.seek(0, 2) - READ_BYTES)
            file.seek(self._offset)
            data = file.read(READ_BYTES)
        if not data and not (last and self._partial):
            return
        self._offset += len(data)
        *whole, self._partial = (self._partial + data).split(b"\n")
        if (last and self._partial) or len(self._partial) > READ_BYTES:
            whole, self._partial = [*whole, self._partial], b""
        lines = [line.decode("utf-8", "replace").replace("\x00", "␀").rstrip("\r") for line in whole]
        if not lines:
            return
        self._tail = f"{self._tail}{chr(10).join(lines)}\n"[-TAIL_CHARACTERS:]
        patiently(lambda: Job.objects.filter(pk=self._job.pk).update(log_tail=self._tail))
        live.notify(f"job:{self._job.reference}", "log", {"lines": lines[-LINES_A_NOTICE:]})

    def _skip_to(self, offset: int) -> None:
        """A child that died in a flood of output: its last words count, what came before stays in the file."""
        if offset > self._offset:
            self._offset, self._partial = offset, b""
