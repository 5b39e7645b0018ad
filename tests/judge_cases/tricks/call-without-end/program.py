def square(n):
    result = [n]
    result.append(result)
    return result
