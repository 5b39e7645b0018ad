#include <cstdio>
int main() {
    static const char bytes[] = "\xff\xfe\x00 9\x00 \xed\xa0\x80 \xc0\xaf";
    for (int i = 0; i < 100; i++) std::fwrite(bytes, 1, sizeof bytes, stdout);
}
