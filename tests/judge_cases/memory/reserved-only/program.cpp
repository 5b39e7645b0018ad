#include <cstdio>
static int squares[25'000'000];
int main() {
    int n;
    if (std::scanf("%d", &n) != 1) return 0;
    squares[n] = n * n;
    std::printf("%d\n", squares[n]);
}
