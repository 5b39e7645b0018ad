#include <cstdio>
struct Last {
    ~Last() {
        for (volatile long i = 0;; i++) {}
    }
} kept;
int main() {
    std::puts("9");
    std::fflush(stdout);
}
