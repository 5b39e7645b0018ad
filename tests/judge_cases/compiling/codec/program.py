# coding: zlib_codec
print(1)
