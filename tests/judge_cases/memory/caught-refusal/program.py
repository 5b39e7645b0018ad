try:
    numbers = [0] * 10**9
except MemoryError:
    numbers = [0] * 10
n = int(input())
numbers[n] = n * n
print(numbers[n])
