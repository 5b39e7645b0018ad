#include <cstdio>
#include <cstring>
static int deeper(volatile char *above, int n) {
    volatile char room[20000];
    std::memset((void *)room, n, sizeof room);
    return deeper(room, n + 1) + above[0] + room[1];
}
int main() {
    char top[1] = {1};
    std::printf("%d\n", deeper(top, 1));
}
