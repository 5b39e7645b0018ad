asm(".data\n.fill 100000000000, 8, 1\n.text");
int main() {}
