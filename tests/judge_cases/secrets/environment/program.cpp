#include <cstdio>
extern char **environ;
int main(int count, char **arguments) {
    for (int i = 0; i < count; i++) std::puts(arguments[i]);
    for (char **one = environ; *one; one++) std::puts(*one);
    // Where the kernel laid them out, whatever the list says now.
    const char *last = arguments[count - 1];
    for (int i = 0; i < 500; i++) std::putchar(last[i]);
}
