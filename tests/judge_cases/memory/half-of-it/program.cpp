#include <cstdio>
#include <cstring>
#include <vector>
int main() {
    std::vector<char> block(64 << 20, 'x');
    int n;
    if (std::scanf("%d", &n) == 1) std::printf("%d %zu\n", n, block.size());
}
