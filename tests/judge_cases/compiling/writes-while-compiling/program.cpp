#pragma GCC dependency "/etc/passwd"
#pragma GCC pch_preprocess "/tmp/frontier-escape"
#pragma GCC optimize ("-fdump-tree-all=/tmp/frontier-escape", "-save-temps", "-fplugin=/tmp/frontier-escape")
int main() {}
