import sys

way = input()
print(way)
if way == "exit":
    exit()
if way == "quit":
    quit(0)
if way == "sys":
    sys.exit()
raise SystemExit(None)
