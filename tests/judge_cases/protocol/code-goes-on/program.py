import os
import sys

os._exit = lambda status: None
os.fork = lambda: 1
os.wait4 = lambda *_: (1, 0, None)
sys.exit = lambda *_: None
