#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>
static void *rest(void *) { sleep(60); return nullptr; }
int main() {
    pthread_t thread;
    if (pthread_create(&thread, nullptr, rest, nullptr)) return 1;
    syscall(SYS_exit, 0);
}
