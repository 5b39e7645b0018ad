import ctypes

call = ctypes.CDLL(None, use_errno=True).syscall
buffer = ctypes.create_string_buffer(4096)
numbers = (
    321, 425, 426, 427, 323, 298, 248, 249, 250, 175, 313, 176, 169, 227, 305, 159, 164, 170, 171, 172, 173, 167, 168,
    246, 320, 103, 303, 304, 253, 254, 300, 301, 179, 134, 163, 153, 237, 238, 239, 256, 279, 251, 252, 437, 438, 447,
    154, 205, 317, 444, 446, 449, 450, 452, 461,
)  # fmt: skip
for number in numbers:
    if call(number, buffer, 1, buffer, 0, 0, 0) >= 0:
        print("call", number)
