"""Tries a program on the samples of a workspace: `python3 run_samples.py FILE`. Lies there; standard library only.

It says what `compute.rollout.feedback.report` says, and knows no other checker than equal words. The program runs in a
fork of this process, because starting an interpreter for each sample would take most of the time.
"""

import os
import signal
import sys

SECONDS = 5
SHOWN = 400


def shortened(text: str) -> str:
    half = SHOWN // 2
    if len(text) <= SHOWN:
        return text
    return f"{text[:half]}\n[{len(text) - 2 * half} characters left out]\n{text[-half:]}"


def run(source: bytes, given: str) -> tuple[int, str, str]:
    """The wait status, and what went to standard output and error."""
    written = [os.memfd_create(name) for name in ("output", "errors")]
    pid = os.fork()
    if pid == 0:
        signal.alarm(SECONDS)
        os.dup2(os.open(given, os.O_RDONLY), 0)
        os.dup2(written[0], 1)
        os.dup2(written[1], 2)
        os._exit(as_main(source))
    _, status = os.waitpid(pid, 0)
    output, errors = (os.pread(one, os.fstat(one).st_size, 0).decode("utf-8", "replace") for one in written)
    return status, output, errors


def as_main(source: bytes) -> int:
    sys.argv = sys.argv[1:]
    code = 0
    try:
        exec(compile(source, sys.argv[0], "exec"), {"__name__": "__main__"})
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except BaseException:  # the border of the program
        import traceback  # dear, and most programs need none

        traceback.print_exc()
        code = 1
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):  # the program closed them, or nobody has room for what it wrote
        code = code or 1
    return code & 0xFF


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("Usage: python3 run_samples.py FILE")
    with open(sys.argv[1], "rb") as file:
        source = file.read()
    number = 1
    while os.path.exists(f"samples/{number}.in"):
        with open(f"samples/{number}.out") as file:
            expected = file.read()
        status, output, errors = run(source, f"samples/{number}.in")
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGALRM:
            print(f"Sample {number}: time limit exceeded")
        elif status:
            print(f"Sample {number}: run-time error")
            print(*errors.strip().splitlines()[-1:], sep="\n")
        elif output.split() != expected.split():
            print(f"Sample {number}: wrong answer\nexpected\n{shortened(expected.rstrip(chr(10)))}")
            print(f"got\n{shortened(output.rstrip(chr(10)))}")
        else:
            print(f"Sample {number}: passed")
        sys.stdout.flush()
        number += 1


if __name__ == "__main__":
    main()
