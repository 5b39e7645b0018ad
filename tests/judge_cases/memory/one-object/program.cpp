#include <cstdio>
int main() {
    volatile char *block = new char[300L << 20];
    for (long i = 0; i < 300L << 20; i += 4096) block[i] = 1;
    std::printf("%d\n", block[12345]);
}
