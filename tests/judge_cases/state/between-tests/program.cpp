#include <cstdio>
#include <cstdlib>
static int seen;
int main() {
    int n;
    if (std::scanf("%d", &n) != 1) return 0;
    std::printf("[%s] %d\n", seen++ || std::getenv("frontier") ? "left" : "", n);
    setenv("frontier", "left", 1);
}
