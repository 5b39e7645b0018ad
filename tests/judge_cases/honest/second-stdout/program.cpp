#include <cstdio>
static char room[1 << 16];
int main() {
    std::setvbuf(stdout, room, _IOFBF, sizeof room);
    std::printf("9\n");
}
