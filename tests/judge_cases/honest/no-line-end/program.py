print(int(input()) ** 2, end="")
