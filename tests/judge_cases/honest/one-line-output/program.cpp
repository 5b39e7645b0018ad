#include <cstdio>
static char line[400'000];
int main() {
    int n;
    if (std::scanf("%d", &n) != 1) return 1;
    for (int i = 0; i < n; i++) std::sprintf(line + 4 * i, "123%c", i + 1 < n ? ' ' : 0);
    std::fwrite(line, 1, 4 * n - 1, stdout);
}
