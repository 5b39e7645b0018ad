#include <cstdio>
#include <cstring>
#include <cstdlib>
int main() {
    int n;
    if (std::scanf("%d", &n) != 1) return 0;
    volatile char *block = (char *)std::malloc(300 << 20);
    std::memset((void *)block, 1, 300 << 20);
    std::free((void *)block);
    std::printf("%d\n", n * n);
}
