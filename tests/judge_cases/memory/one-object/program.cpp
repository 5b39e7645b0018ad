#include <cstdio>
#include <cstring>
int main() {
    char *block = new char[1L << 30];
    std::memset(block, 1, 1L << 30);
    std::printf("%d\n", block[12345]);
}
