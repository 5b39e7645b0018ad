#include <cstdio>
#include <pthread.h>
#include <unistd.h>
static void *rest(void *) { for (;;) pause(); }
int main() {
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 16384);
    for (int i = 0; i < 3000; i++) {
        pthread_t thread;
        if (pthread_create(&thread, &small, rest, nullptr)) _exit(1);
    }
    std::printf("three thousand threads\n");
    std::fflush(stdout);
    _exit(0);
}
