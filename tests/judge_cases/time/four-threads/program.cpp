#include <pthread.h>
static void *work(void *) {
    for (volatile long i = 0;; i++) {}
}
int main() {
    pthread_t thread;
    for (int i = 0; i < 3; i++) pthread_create(&thread, nullptr, work, nullptr);
    work(nullptr);
}
