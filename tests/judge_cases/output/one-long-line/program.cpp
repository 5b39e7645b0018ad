#include <cstdio>
static char line[40'000'001];
int main() {
    for (long i = 0; i < 40'000'000; i++) line[i] = 'x';
    std::puts(line);
}
