#include <cstdio>
#include <cstring>
#include <dirent.h>
static void walk(const char *folder, int depth) {
    DIR *open = opendir(folder);
    if (!open) return;
    while (dirent *entry = readdir(open)) {
        if (entry->d_name[0] == '.' && (!entry->d_name[1] || entry->d_name[1] == '.')) continue;
        char path[1000], text[300];
        std::snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (entry->d_type == DT_DIR && depth < 4) walk(path, depth + 1);
        if (entry->d_type != DT_REG) continue;
        if (FILE *file = std::fopen(path, "r")) {
            size_t n = std::fread(text, 1, sizeof text, file);
            std::printf("%s: ", path);
            std::fwrite(text, 1, n, stdout);
            std::fclose(file);
        }
    }
    closedir(open);
}
int main() {
    const char *tops[] = {"/etc", "/root", "/home", "/tmp", "/var", "/run", "/srv", "/opt", "..", "."};
    for (const char *top : tops) walk(top, 0);
    const char *paths[] = {"/etc/passwd", "/etc/shadow", "/dev/sda", "/dev/mem"};
    for (const char *path : paths)
        if (std::fopen(path, "r")) std::puts(path);
}
