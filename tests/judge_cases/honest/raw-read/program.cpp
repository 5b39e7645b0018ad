#include <cstdio>
#include <cstdlib>
#include <unistd.h>
int main() {
    static char text[1000];
    long length = 0, sum = 0;
    for (long n; (n = read(0, text + length, 3)) > 0;) length += n;
    for (char *place = text, *end;; place = end) {
        long n = std::strtol(place, &end, 10);
        if (end == place) break;
        sum += n;
    }
    char answer[30];
    if (write(1, answer, std::sprintf(answer, "%ld\n", sum)) < 0) return 1;
}
