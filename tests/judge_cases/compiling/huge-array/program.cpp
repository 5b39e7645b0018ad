static char block[4'000'000'000] = {1};
int main(int count, char **) { return block[count]; }
