for _ in range(int(input())):
    print(123456789)
