"""A few hundred ordinary programs: ways of reading x computing x writing x ending, and those written by hand.

Hand-written ones lie in `tests/judge_cases/ordinary/*.txt`, many to a file: a line `=== name | inputs` before each.
Left out because the sandbox refuses what they need: asyncio's event loop (a pair of sockets), fork, subprocess,
multiprocessing, sending signals, files other than the three streams. Left out because two cold runs differ as well:
identities, addresses, clocks, unseeded random numbers. Left out because the judge differs by design: `sys.path` and the
modules already loaded, the working directory, callers' frames above the main module, and what Python says of a source
that it cannot decode. Nothing here runs a program.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "judge_cases" / "ordinary"

INPUTS = {
    "numbers": b"5\n3 1 4 1 5\n9 2 6\n",
    "no-end": b"5\n3 1 4 1 5\n9 2 6",
    "crlf": b"5\r\n3 1 4 1 5\r\n9 2 6\r\n",
    "empty": b"",
    "blank": b"\n",
    "blanks": b"  7  \n\n\t8 9\n\n\n",
    "words": "grüße aus der 東京\nña 🙂 end\nlast\n".encode(),
    "invalid": b"abc \xff\xfe d\xc3\n12 \x80\n",
    "nul": b"a\x00b 1\n\x1a 2\x0c3\x0b4\n",
    "returns": b"1\r2\r3\n4\x855\xe2\x80\xa86\n",
    "one-line": b"42",
    "large": b"".join(b"%d %d\n" % (n, n * 7919 % 10007) for n in range(60_000)),
    "long-line": b" ".join(b"%d" % (n * 31 % 997) for n in range(200_000)),
}
ORDINARY = ("numbers", "no-end", "words", "crlf", "numbers", "empty", "blanks", "invalid", "one-line")
TURNS = 12


@dataclass(frozen=True)
class OrdinaryProgram:
    """A source text and the names of the inputs it is run on."""

    name: str
    source: bytes
    inputs: tuple[str, ...]


# Each leaves the input in `words`, a list of str.
READERS = {
    "read": "import sys\nwords = sys.stdin.read().split()\n",
    "readline": (
        "import sys\nwords = []\nwhile line := sys.stdin.readline():\n    words += line.rstrip('\\n').split(' ')\n"
    ),
    "readlines": "from sys import stdin\nwords = [word for line in stdin.readlines() for word in line.split()]\n",
    "iterate": "import sys\nwords = []\nfor line in sys.stdin:\n    words.extend(line.strip().split())\n",
    "input-once": "words = input().split()\n",
    "input-twice": "n = int(input())\nwords = input().split()[:n]\n",
    "input-until-error": (
        "words = []\ntry:\n    while True:\n        words += input().split()\nexcept EOFError:\n    pass\n"
    ),
    "input-prompt": "words = [input('first? '), input('second? ')]\n",
    "input-iter": "words = [word for line in iter(input, '9 2 6') for word in line.split()]\n",
    "input-is-readline": "import sys\ninput = sys.stdin.readline\nwords = input().split() + input().split()\n",
    "buffer-read": "import sys\nwords = [word.decode() for word in sys.stdin.buffer.read().split()]\n",
    "buffer-readline": (
        "import sys\nread = sys.stdin.buffer.readline\nwords = []\n"
        "while line := read():\n    words += map(bytes.decode, line.split())\n"
    ),
    "buffer-lines": "import sys\nwords = [w.decode('latin-1') for line in sys.stdin.buffer for w in line.split()]\n",
    "open-zero": "words = open(0).read().split()\n",
    "open-zero-bytes": "with open(0, 'rb') as file:\n    words = file.read().decode('utf-8', 'replace').split()\n",
    "open-zero-errors": "words = open(0, encoding='utf-8', errors='surrogateescape').read().split()\n",
    "os-read": (
        "import os\ndata = b''\nwhile chunk := os.read(0, 7):\n    data += chunk\nwords = data.decode().split()\n"
    ),
    "os-read-all": "import os\nwords = os.read(0, os.fstat(0).st_size).decode('utf-8', 'ignore').split()\n",
    "bytes-io": (
        "import io, os\nstdin = io.BytesIO(os.read(0, 1 << 16))\n"
        "words = [w.decode() for w in stdin.readline().split()]\n"
    ),
    "fileinput": "import fileinput\nwords = [word for line in fileinput.input() for word in line.split()]\n",
    "wrapper": (
        "import io, sys\nsys.stdin = io.TextIOWrapper(sys.stdin.buffer, encoding='latin-1', newline='')\n"
        "words = sys.stdin.read().split(' ')\n"
    ),
    "reconfigure": "import sys\nsys.stdin.reconfigure(errors='replace')\nwords = sys.stdin.read().split()\n",
    "mmap": (
        "import mmap\ntry:\n    data = mmap.mmap(0, 0, access=mmap.ACCESS_READ)\nexcept ValueError as error:\n"
        "    print(error)\n    data = b''\nwords = data[:].decode().split()\n"
    ),
    "generator": (
        "import sys\ndef tokens():\n    for line in sys.stdin:\n        yield from line.split()\n"
        "stream = tokens()\nfirst = next(stream, '0')\nwords = [first, *stream]\n"
    ),
    "one-character": "import sys\ntext = ''\nwhile c := sys.stdin.read(1):\n    text += c\nwords = text.split()\n",
}

# Each leaves its result in `answer`, a list. Words that are no numbers end some with an exception, as they should.
COMPUTATIONS = {
    "sum": "answer = [sum(map(int, words))]\n",
    "count": "from collections import Counter\nanswer = sorted(Counter(words).items())\n",
    "order": "answer = sorted(words, key=lambda word: (len(word), word))\n",
    "prefix": "from itertools import accumulate\nanswer = list(accumulate(map(len, words)))\n",
    "heap": (
        "import heapq\nheap = [len(word) * 37 % 11 for word in words]\nheapq.heapify(heap)\n"
        "answer = [heapq.heappop(heap) for _ in range(len(heap))]\n"
    ),
    "set-order": "answer = list({word for word in words}) + list(frozenset(words))\n",
    "fractions": "from fractions import Fraction\nanswer = [sum(Fraction(1, len(word)) for word in words)]\n",
    "memo": (
        "from functools import lru_cache\n@lru_cache(None)\ndef ways(n):\n"
        "    return 1 if n < 2 else ways(n - 1) + ways(n - 2)\nanswer = [ways(len(words) * 20), ways.cache_info()]\n"
    ),
    "classes": (
        "from dataclasses import dataclass, field\n@dataclass(order=True)\nclass Item:\n    size: int\n"
        "    word: str = field(compare=False)\nanswer = sorted(Item(len(word), word) for word in words)\n"
    ),
    "json": "import json\nanswer = [json.dumps({word: len(word) for word in words}, indent=1, ensure_ascii=False)]\n",
    "regex": "import re\nanswer = re.findall(r'\\b\\w(\\d*)', ' '.join(words))\n",
    "floats": "answer = [len(words) / 7, 1e300 * 1e10, -0.0, round(2.675, 2), sum([0.1] * len(words))]\n",
    "queue": (
        "from collections import deque\nqueue, seen = deque([1]), {1}\nwhile queue:\n    n = queue.popleft()\n"
        "    for m in (2 * n, n + 3):\n        if m <= 20 + len(words) and m not in seen:\n"
        "            seen.add(m)\n            queue.append(m)\nanswer = [sorted(seen)]\n"
    ),
    "recursion": "def depth(n):\n    return 0 if n == 0 else 1 + depth(n - 1)\nanswer = [depth(900 + len(words))]\n",
    "first": "answer = [int(words[0]), words[1], words[-1]]\n",
    "bytes": "answer = [word.encode('utf-8', 'surrogateescape') for word in words]\n",
    "big": "answer = [3 ** (len(words) * 50), (1 << 200) % (len(words) + 1), pow(7, -1, 1000003)]\n",
}

# Each writes `answer`.
WRITERS = {
    "print-each": "for item in answer:\n    print(item)\n",
    "print-star": "print(*answer, sep=', ', end='.')\n",
    "print-flush": "for item in answer:\n    print(item, flush=True)\n",
    "write": "import sys\nsys.stdout.write('\\n'.join(map(str, answer)))\n",
    "writelines": "import sys\nsys.stdout.writelines(f'{item!r}\\n' for item in answer)\n",
    "buffer": "import sys\nsys.stdout.buffer.write(repr(answer).encode('utf-8', 'replace') + b'\\n')\n",
    "os-write": "import os\nos.write(1, f'{answer}\\n'.encode('utf-8', 'surrogatepass'))\n",
    "print-and-os-write": (
        "import os\nprint('printed')\nos.write(1, b'raw\\n')\nprint(answer)\nos.write(1, b'raw again\\n')\n"
    ),
    "print-and-buffer": (
        "import sys\nprint('text')\nsys.stdout.buffer.write(b'bytes\\n')\nprint(answer)\nsys.stdout.flush()\n"
        "sys.stdout.buffer.write(b'more bytes\\n')\n"
    ),
    "string-io": (
        "import io, sys\nkept, sys.stdout = sys.stdout, io.StringIO()\nprint(answer)\ntext = sys.stdout.getvalue()\n"
        "sys.stdout = kept\nprint(text.upper())\n"
    ),
    "redirect": (
        "import contextlib, io\nwith contextlib.redirect_stdout(io.StringIO()) as caught:\n    print(answer)\n"
        "print(len(caught.getvalue()), caught.getvalue())\n"
    ),
    "second-stdout": "out = open(1, 'w', closefd=False)\nprint('first')\nprint(answer, file=out)\nprint('last')\n",
    "taken-stdout": "import sys\nprint('before')\nsys.stdout = open(1, 'w', closefd=False)\nprint(answer)\n",
    "both-streams": "import sys\nprint(answer, file=sys.stderr)\nprint(len(answer))\nprint('end', file=sys.stderr)\n",
    "reconfigured": (
        "import sys\nsys.stdout.reconfigure(encoding='ascii', errors='backslashreplace', newline='\\r\\n')\n"
        "print(answer)\n"
    ),
    "print-is-write": (
        "import sys\nprint = sys.stdout.write\nfor item in answer:\n    print(str(item))\n    print('\\n')\n"
    ),
}

# Each ends the program.
ENDINGS = {
    "falls-off": "",
    "exit": "exit()\n",
    "quit-zero": "quit(0)\n",
    "sys-exit": "import sys\nsys.exit()\n",
    "sys-exit-3": "import sys\nsys.exit(3)\nprint('never')\n",
    "exit-words": "exit(f'bad input: {len(words)}')\n",
    "raise-exit": "raise SystemExit\n",
    "exit-in-finally": "try:\n    words[10 ** 6]\nfinally:\n    raise SystemExit(7)\n",
    "_exit-flushed": "import os, sys\nsys.stdout.flush()\nos._exit(0)\n",
    "_exit-unflushed": "import os\nos._exit(5)\n",
    "divides-by-zero": "1 / 0\n",
    "own-error": "class TooShort(ValueError):\n    pass\nraise TooShort('words', len(words))\n",
    "chained": "try:\n    {}['key']\nexcept KeyError as error:\n    raise RuntimeError('no key') from error\n",
    "assertion": "assert len(words) > 10 ** 9, words[:1]\n",
    "at-exit": "import atexit\natexit.register(print, 'bye', len(words))\n",
    "thread": (
        "import threading\nthread = threading.Thread(target=print, args=('in thread', len(words)))\n"
        "thread.start()\nthread.join()\n"
    ),
    "closes": "import sys\nsys.stdout.close()\n",
}


def ordinary_programs() -> list[OrdinaryProgram]:
    """All of them, under distinct names."""
    return [*_written_by_hand(), *_combined()]


def _combined() -> Iterator[OrdinaryProgram]:
    """All readers, `TURNS` times; the other parts and the inputs go on at paces that bring ever new pairs."""
    computations, writers, endings = map(list, (COMPUTATIONS, WRITERS, ENDINGS))
    for place, (turn, reader) in enumerate(product(range(TURNS), READERS)):
        computation = computations[place % len(computations)]
        writer = writers[(place + turn) % len(writers)]
        ending = endings[(place * 3 + turn) % len(endings)]
        source = READERS[reader] + COMPUTATIONS[computation] + WRITERS[writer] + ENDINGS[ending]
        given = ORDINARY[(place + turn) % len(ORDINARY)]
        yield OrdinaryProgram(f"{reader}+{computation}+{writer}+{ending}", source.encode(), (given,))


def _written_by_hand() -> Iterator[OrdinaryProgram]:
    for path in sorted(FOLDER.glob("*.txt")):
        for section in path.read_text(encoding="utf-8").split("\n=== ")[1:]:
            header, _, source = section.partition("\n")
            name, _, inputs = header.partition(" | ")
            yield OrdinaryProgram(
                f"{path.stem}: {name}", source.encode() + b"\n", tuple(inputs.split()) or ("numbers",)
            )
    for name, raw in _RAW_SOURCES.items():
        yield OrdinaryProgram(f"source: {name}", raw, ("numbers",))


# Where the bytes of the source are the point.
_RAW_SOURCES = {
    "empty": b"",
    "only a comment": b"# nothing",
    "byte order mark": b"\xef\xbb\xbfprint('marked', __name__)\n",
    "latin-1 cookie": b"# -*- coding: latin-1 -*-\nprint('caf\xe9', len('\xe9'))\n",
    "latin-1 cookie in the second line": b"#!/usr/bin/env python3\n# vim: set fileencoding=latin-1 :\nprint('\xe9')\n",
    "cp1252 cookie": b"# coding: cp1252\nprint('\x80 \x93quoted\x94')\n",
    "utf-8 without cookie": "print('naïve ✓', len('✓'))\n".encode(),
    "Windows line ends": b"x = '''a\r\nb'''\r\nif x:\r\n    print(repr(x))\r\n",
    "old Macintosh line ends": b"x = 1\rprint(x)\r",
    "no last line end": b"print(1)\nif True:\n    print(2)",
    "tabs": b"if True:\n\tfor i in range(2):\n\t\tprint(i)\n",
    "tabs and spaces": b"if True:\n\tprint(1)\n        print(2)\n",
    "form feed": b"print(1)\n\x0c\nprint(2)\n",
    "continued lines": b"x = 1 + \\\n    2\nprint(x,\n      'a' 'b'\n      'c')\n",
    "bad indentation": b"def f():\nprint(1)\n",
    "unclosed": b"print('begins')\nprint((1, 2\n",
    "Python 2": b"print 'hello'\n",
    "return outside": b"return 1\n",
    "break outside": b"print(1)\nbreak\n",
    "name used before global": b"def f():\n    x = 1\n    global x\n",
    "long source": b"".join(b"def f%d(x):\n    return x + %d\n" % (n, n) for n in range(400))
    + b"print(f7(1), f399(1))\n",
    "long expression": b"print(" + b" + ".join(b"%d" % n for n in range(900)) + b")\n",
    "deep expression": b"print(" + b"+".join([b"x"] * 2960) + b")\n",
    "deep brackets": b"print(" + b"(" * 150 + b"1" + b")" * 150 + b")\n",
    "many constants": b"data = [" + b",".join(b"%d" % (n * n) for n in range(20_000)) + b"]\nprint(sum(data))\n",
}
