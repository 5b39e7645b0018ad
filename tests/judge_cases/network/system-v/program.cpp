#include <cstdio>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
int main() {
    key_t key = 0x46524F4E;
    if (shmget(key, 4096, 01666) >= 0) std::printf("a segment\n");
    if (semget(key, 1, 01666) >= 0) std::printf("a semaphore\n");
    if (msgget(key, 01666) >= 0) std::printf("a queue\n");
    for (int number = 0; number < 2000; number++) {
        char *place = (char *)shmat(number, nullptr, SHM_RDONLY);
        if (place != (char *)-1) std::printf("segment %d: %.60s\n", number, place);
    }
}
