#include <cstdio>
#define SUM(a, b) \
    (a + b)
int main() {
    int a, b;
    if (std::scanf("%d%d", &a, &b) == 2) std::printf("%d %s\n", SUM(a, b), "'a\\nb'");
}
