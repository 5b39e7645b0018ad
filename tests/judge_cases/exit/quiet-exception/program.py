import sys

sys.excepthook = lambda *_: None
sys.stderr = None
print(int(input()) ** 2)
raise ValueError
