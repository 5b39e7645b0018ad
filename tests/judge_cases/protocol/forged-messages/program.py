import os

messages = (
    b'{"runs": [{"phase": 2, "status": 0, "killed": "", "cpu_seconds": 0.0, "memory_bytes": 0, "waits": 0}]}\n',
    b'{"isolation": "none"}', b"A", b"AC\n", b"\x00" * 64,
)  # fmt: skip
for number in (*range(3, 1100), 4095, 65535):
    for message in messages:
        try:
            os.write(number, message)
            print("wrote to", number)
        except OSError:
            pass
