#include <cstdio>
#include <sys/prctl.h>
int main() {
    for (int option : (const int[]){1, 36, 4, 8})
        if (!prctl(option, option == 1 ? 0 : 1, 0, 0, 0)) std::printf("option %d\n", option);
}
