#include <cstdio>
#include <cstdlib>
int main() {
    volatile char *block = (volatile char *)std::malloc(64 << 20);
    for (long i = 0; i < 64 << 20; i += 4096) block[i] = 'x';
    int n;
    if (std::scanf("%d", &n) == 1) std::printf("%d %d\n", n, 64 << 20);
}
