#include <cstdio>
int main() {
#if __has_include("/etc/shadow") || __has_include("/etc/passwd") || __has_include("/root/.bashrc")
    std::puts("there are accounts");
#endif
}
