import builtins
import sys

sys.modules.clear()
builtins.__dict__.clear()
