import importlib.abc
import sys


class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        print("asked for", name)


sys.meta_path.insert(0, Finder())
sys.path_hooks.insert(0, lambda path: print("asked for", path))
sys.path_importer_cache.clear()
for name in ("json", "marshal", "types", "atexit", "gc", "io", "compute", "compute.judge"):
    sys.modules[name] = sys.modules["builtins"]
