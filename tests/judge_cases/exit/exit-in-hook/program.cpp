#include <cstdlib>
#include <unistd.h>
static void leave() { _exit(0); }
int main() {
    std::atexit(leave);
    std::exit(1);
}
