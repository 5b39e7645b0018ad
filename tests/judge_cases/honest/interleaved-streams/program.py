import sys
import warnings

print("thinking", file=sys.stderr)
warnings.warn("carefully")
print(int(input()) ** 2)
print("9\n" * 1000, file=sys.stderr)
