#include <cstdio>
asm(".data\n.global accounts\naccounts:\n.incbin \"/etc/passwd\"\n.byte 0\n.text");
extern "C" char accounts[];
int main() { std::puts(accounts); }
