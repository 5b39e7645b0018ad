#include <cstdlib>
#include <cstring>
int main() {
    struct Node { Node *next; char rest[1 << 20]; } *kept = nullptr;
    for (int i = 0; i < 300; i++) {
        Node *made = (Node *)std::malloc(sizeof(Node));
        if (!made) return 1;
        std::memset(made->rest, 'x', sizeof made->rest);
        made->next = kept;
        kept = made;
    }
    return kept->rest[0] == 1;
}
