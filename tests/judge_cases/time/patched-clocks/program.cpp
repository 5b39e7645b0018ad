#include <ctime>
extern "C" int clock_gettime(clockid_t, timespec *now) throw() { *now = {}; return 0; }
extern "C" clock_t clock() throw() { return 0; }
int main() {
    while (clock() == 0) {}
}
