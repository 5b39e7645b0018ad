#include <cstdio>
#include <ctime>
int main() {
    while (clock() < CLOCKS_PER_SEC / 4) {}
    int n;
    if (std::scanf("%d", &n) == 1) std::printf("%d\n", n * n);
}
