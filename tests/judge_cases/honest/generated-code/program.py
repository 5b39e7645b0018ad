import pickle


class Pair:
    def __init__(self, n):
        self.n = n


names = {}
exec(compile("def square(n): return n ** 2", "made", "exec"), names)
again = pickle.loads(pickle.dumps(Pair(int(input()))))
print(names["square"](again.n), __file__.endswith(".py"), Pair.__module__)
