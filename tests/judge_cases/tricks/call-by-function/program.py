def squares(numbers):
    print("thinking about", numbers)
    return tuple(n * n for n in numbers)
