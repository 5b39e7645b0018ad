import sys


def main():
    print(int(input()) ** 2, main.__module__, sys.modules["__main__"].main is main)


if __name__ == "__main__":
    main()
