import io
import os
import sys

sys.stdout = io.TextIOWrapper(io.BufferedWriter(io.FileIO(1, "w", closefd=False), 1 << 16), write_through=False)
print(int(input()) ** 2)
