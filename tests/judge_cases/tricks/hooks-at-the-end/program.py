import atexit
import gc
import os
import sys
import threading

threading._shutdown = lambda: os._exit(0)
gc.callbacks.append(lambda *_: os._exit(0))
atexit.register(lambda: setattr(sys, "stdout", None))
sys.unraisablehook = sys.excepthook = lambda *_: os._exit(0)
raise ValueError
