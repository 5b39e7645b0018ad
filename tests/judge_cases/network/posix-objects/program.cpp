#include <cstdio>
#include <fcntl.h>
#include <mqueue.h>
#include <semaphore.h>
#include <sys/mman.h>
int main() {
    if (mq_open("/frontier-escape", O_CREAT | O_RDWR, 0666, nullptr) != (mqd_t)-1) std::printf("a queue\n");
    if (shm_open("/frontier-escape", O_CREAT | O_RDWR, 0666) >= 0) std::printf("shared memory\n");
    if (sem_open("/frontier-escape", O_CREAT, 0666, 1) != SEM_FAILED) std::printf("a semaphore\n");
}
