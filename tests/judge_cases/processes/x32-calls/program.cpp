#include <cstdio>
#include <unistd.h>
int main() { std::printf("%ld\n", syscall(0x40000000L | 39)); }
