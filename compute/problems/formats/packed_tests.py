"""LiveCodeBench's packed tests: base64 of zlib of a pickle of one string. The pickle is read, never loaded.

Loading a pickle runs whatever its author wanted. This reader walks the operations by hand and knows only those that one
string needs; any other operation refuses the whole. What comes out is text, of bounded length.
"""

import base64
import binascii
import zlib

MOST_BYTES = 256 << 20
# A small text that unpacks to hundreds of megabytes repeats one thing.
SUSPICIOUS_BYTES = 64 << 20
SUSPICIOUS_RATIO = 200
_PROTO, _FRAME, _MEMOIZE, _STOP = 0x80, 0x95, 0x94, 0x2E
_BINPUT, _LONG_BINPUT = 0x71, 0x72
# Operation -> bytes of the length that precedes the text.
_TEXT = {0x8C: 1, 0x58: 4, 0x8D: 8}
_SKIPPED = {_PROTO: 1, _FRAME: 8, _MEMOIZE: 0, _BINPUT: 1, _LONG_BINPUT: 4}
_NEWEST_PROTOCOL = 5


def unpack(text: str, limit: int = MOST_BYTES) -> str:
    """The string inside. Raises ValueError, in words that follow "it", for anything else than a packed string and for
    one of more than `limit` bytes."""
    try:
        packed = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("is neither JSON nor base64") from None
    return string_in_pickle(_inflate(packed, limit))


def _inflate(packed: bytes, limit: int) -> bytes:
    limit = min(limit, max(SUSPICIOUS_BYTES, SUSPICIOUS_RATIO * len(packed)))
    inflater = zlib.decompressobj()
    try:
        data = inflater.decompress(packed, limit + 1)
    except zlib.error:
        raise ValueError("is not compressed with zlib") from None
    if len(data) > limit:
        raise ValueError(f"unpacks to more than {limit >> 20} MiB")
    if not inflater.eof:
        raise ValueError("is compressed data that ends early")
    return data


def string_in_pickle(data: bytes) -> str:
    """The one string that a pickle holds. Raises ValueError, in words that follow "it"."""
    found: str | None = None
    position = 0
    while position < len(data):
        operation = data[position]
        position += 1
        if operation == _STOP:
            if found is None or position != len(data):
                raise ValueError("is not a pickle of exactly one string")
            return found
        if operation in _TEXT and found is None:
            found, position = _text(data, position, _TEXT[operation])
        elif operation in _SKIPPED:
            if operation == _PROTO and data[position : position + 1] > bytes([_NEWEST_PROTOCOL]):
                raise ValueError("is a pickle of an unknown protocol")
            position += _SKIPPED[operation]
        else:
            raise ValueError(f"is a pickle with the operation 0x{operation:02x}, and only one string is read")
    raise ValueError("is a pickle that ends early")


def _text(data: bytes, position: int, width: int) -> tuple[str, int]:
    """The text whose length stands at `position` in `width` bytes, and where it ends."""
    start = position + width
    end = start + int.from_bytes(data[position:start], "little")
    if end > len(data):
        raise ValueError("is a pickle that ends early")
    try:
        return data[start:end].decode(), end
    except UnicodeDecodeError:
        raise ValueError("is a pickle of text that is not valid UTF-8") from None
