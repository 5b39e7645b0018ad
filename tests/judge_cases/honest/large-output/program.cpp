#include <cstdio>
int main() {
    int n;
    if (std::scanf("%d", &n) != 1) return 1;
    while (n--) {
        std::printf("123456789\n");
        if (n % 16 == 0) std::fflush(stdout);
    }
}
