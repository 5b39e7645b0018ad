class Changing(str):
    looks = 0

    def __str__(self):
        Changing.looks += 1
        return str.__str__(self) * Changing.looks

    __repr__ = __str__

    def encode(self, *_):
        return b"x"


print(Changing("a"), Changing("b"))
