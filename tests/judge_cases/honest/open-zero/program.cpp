#include <cstdio>
#include <unistd.h>
int main() {
    FILE *input = fdopen(0, "r");
    long sum = 0, n;
    while (std::fscanf(input, "%ld", &n) == 1) sum += n;
    std::printf("%ld\n", sum);
}
