#include <cstdio>
#include <pthread.h>
#include <unistd.h>
static void *rest(void *) { for (;;) usleep(1000); }
int main() {
    pthread_t thread;
    for (int i = 0; i < 4; i++) pthread_create(&thread, nullptr, rest, nullptr);
    int n;
    if (std::scanf("%d", &n) == 1) std::printf("%d\n", n * n);
}
