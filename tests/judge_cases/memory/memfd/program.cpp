#include <cstdio>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
static char block[1 << 20];
int main() {
    for (int i = 0; i < 40; i++) {
        int file = syscall(SYS_memfd_create, "more", 0);
        if (file < 0) return 1;
        for (int j = 0; j < 100; j++)
            if (write(file, block, sizeof block) < 0) return 1;
    }
    std::printf("four gigabytes\n");
}
