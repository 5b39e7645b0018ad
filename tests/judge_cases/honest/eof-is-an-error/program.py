print(int(input()))
print(int(input()))
