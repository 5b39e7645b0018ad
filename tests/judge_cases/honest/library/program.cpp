#include <bitset>
#include <cstdio>
#include <queue>
#include <set>
int main() {
    int n;
    if (std::scanf("%d", &n) != 1) return 1;
    std::priority_queue<int> heap;
    std::set<int> ordered;
    for (int i = n; i > 0; i--) heap.push(i), ordered.insert(i);
    std::bitset<8> bits(6);
    std::printf("%d %lu [%d, 2, %d] 1/%d %.1f\n", n * n, bits.to_ulong(), *ordered.begin(), heap.top(), n, 4.0 / 2);
}
