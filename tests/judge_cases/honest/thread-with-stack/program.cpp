#include <cstdio>
#include <pthread.h>
static int n, result;
static int depth(int left) {
    volatile char room[200] = {};
    return left ? 1 + depth(left - 1) + room[left % 200] : 0;
}
static void *run(void *) { return result = depth(n), nullptr; }
int main() {
    if (std::scanf("%d", &n) != 1) return 1;
    pthread_attr_t large;
    pthread_attr_init(&large);
    pthread_attr_setstacksize(&large, 1 << 26);
    pthread_t thread;
    pthread_create(&thread, &large, run, nullptr);
    pthread_join(thread, nullptr);
    std::printf("%d\n", result);
}
