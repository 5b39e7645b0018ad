"""One drawing as PDF in a process of its own, which the web process starts: an SVG comes on standard input, its PDF
goes to standard output, or one sentence with the exit status REFUSED.

The converter holds Python's lock as long as it works, and a drawing may be made to keep it busy: here it stops nobody
else, and the kernel ends it where it takes more than a figure needs.
"""

import contextlib
import resource
import sys

import vl_convert

from frontier_app.figures.pdf import CPU_SECONDS, PDF_BYTES_AT_MOST, REFUSED, NotDrawable, cleaned

MEMORY_BYTES = 1 << 30


def main() -> int:
    limit()
    try:
        pdf = bytes(vl_convert.svg_to_pdf(cleaned(sys.stdin.buffer.read())))
        if len(pdf) > PDF_BYTES_AT_MOST:
            raise NotDrawable("This drawing is too large as a PDF; save it as SVG instead.")
    except NotDrawable as error:
        sys.stdout.buffer.write(str(error).encode())
        return REFUSED
    sys.stdout.buffer.write(pdf)
    return 0


def limit() -> None:
    """Let the kernel end this process when it asks for too much; a system that has no such limit goes without."""
    limits = {resource.RLIMIT_AS: MEMORY_BYTES, resource.RLIMIT_CPU: CPU_SECONDS, resource.RLIMIT_CORE: 0}
    for kind, most in limits.items():
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (most, most))


if __name__ == "__main__":
    sys.exit(main())
