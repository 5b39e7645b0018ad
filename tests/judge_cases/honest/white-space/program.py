n = int(input())
print("\n  ", n, "\t", n * n, "  \r\n\r\n\n", n**3, "\v\f \n\n")
