import builtins
import math
import os
import sys

seen = [name for name in ("frontier", "left") if hasattr(math, name) or hasattr(builtins, name)]
seen += [name for name in sys.modules if name == "frontier"]
number = int(input())
print(seen, number)
math.frontier = builtins.left = number
sys.modules["frontier"] = math
os.environ["frontier"] = "left"
for descriptor in range(3, 60):
    try:
        os.dup2(1, descriptor)
    except OSError:
        pass
