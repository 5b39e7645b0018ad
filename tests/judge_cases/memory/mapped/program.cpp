#include <cstdio>
#include <cstring>
#include <sys/mman.h>
int main() {
    for (int i = 0; i < 300; i++) {
        void *page = mmap(nullptr, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (page == MAP_FAILED) return 1;
        std::memset(page, 1, 1 << 20);
    }
    std::printf("three hundred megabytes\n");
}
