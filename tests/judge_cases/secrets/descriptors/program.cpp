#include <cstdio>
#include <sys/stat.h>
#include <unistd.h>
int main() {
    char text[4096];
    struct stat found;
    for (int number = 3; number < 5000; number++) {
        if (fstat(number, &found)) continue;
        std::printf("open: %d\n", number);
        long n = pread(number, text, sizeof text, 0);
        if (n > 0) std::fwrite(text, 1, n, stdout);
    }
}
