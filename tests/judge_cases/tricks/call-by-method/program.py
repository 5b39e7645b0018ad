class Solution:
    def __init__(self):
        self.exponent = 2

    def square(self, n: int) -> int:
        return n**self.exponent
