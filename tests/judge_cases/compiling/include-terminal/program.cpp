#include "/dev/stdin"
#include "/dev/tty"
#include "/proc/self/fd/0"
int main() {}
