#include <cstdio>
int main() {
    long result;
    asm volatile("int $0x80" : "=a"(result) : "a"(20) : "memory");
    std::printf("process %ld\n", result);
}
