import time

while time.process_time() < 0.25:
    pass
print(int(input()) ** 2)
