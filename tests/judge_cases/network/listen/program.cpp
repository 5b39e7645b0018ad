#include <cstdio>
#include <cstring>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
int main() {
    int ear = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in anywhere = {};
    anywhere.sin_family = AF_INET;
    if (!bind(ear, (sockaddr *)&anywhere, sizeof anywhere) && !listen(ear, 5)) std::printf("listens\n");
    int local = socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un name = {};
    name.sun_family = AF_UNIX;
    std::strcpy(name.sun_path + 1, "frontier-escape");
    if (!bind(local, (sockaddr *)&name, sizeof name)) std::printf("has an abstract name\n");
}
