#include <cstdio>
int main() {
    long sum = 0, n = 0;
    for (int letter; (letter = getchar_unlocked()) != EOF;) {
        if (letter == '\n') sum += n, n = 0;
        else n = 10 * n + letter - '0';
    }
    std::printf("%ld\n", sum);
}
