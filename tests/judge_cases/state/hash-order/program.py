# The seed is fixed, so hashes are the same in every run and every worker.
print("ok" if hash("frontier") == hash("front" + "ier") and len({hash(str(n)) for n in range(1000)}) == 1000 else "no")
