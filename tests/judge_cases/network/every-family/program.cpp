#include <initializer_list>
#include <cstdio>
#include <sys/socket.h>
int main() {
    for (int family = 0; family < 46; family++)
        for (int kind : {1, 2, 3, 5, 10})
            if (socket(family, kind, 0) >= 0) std::printf("a socket %d %d\n", family, kind);
    int ends[2];
    if (!socketpair(AF_UNIX, SOCK_STREAM, 0, ends)) std::printf("a pair\n");
}
