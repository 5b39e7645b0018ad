#include <cstdio>
#include <cstdlib>
int main() {
    int n;
    if (std::scanf("%d", &n) != 1) return 0;
    volatile char *block = (char *)std::malloc(300 << 20);
    if (!block) return 1;
    for (long i = 0; i < 300 << 20; i += 4096) block[i] = 1;
    std::free((void *)block);
    std::printf("%d\n", n * n);
}
