größe = len("naïve")
print(input()[::-1], "ß", größe)
