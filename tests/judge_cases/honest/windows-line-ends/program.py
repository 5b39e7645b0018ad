text = """a
b"""
if True:
    first, second = int(input()), int(input())
    print(first + second, repr(text))
