#include <initializer_list>
#include <cstdio>
#include <cstdlib>
#include <cstring>
int main() {
    for (int size : {100, 5000, 100'000, 10'000'000})
        for (int i = 0; i < 5; i++) {
            const char *text = (const char *)std::malloc(size);
            for (int j = 0; text && j + 40 < size; j++)
                if (!std::memcmp(text + j, "can", 3) && !std::memcmp(text + j + 3, "ary-", 4)) std::printf("%.40s\n", text + j);
        }
}
