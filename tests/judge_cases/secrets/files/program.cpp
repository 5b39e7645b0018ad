#include <cstdio>
#include <dirent.h>
#include <string>
static void walk(const std::string &folder, int depth) {
    DIR *open = opendir(folder.c_str());
    if (!open) return;
    while (dirent *entry = readdir(open)) {
        std::string name = entry->d_name;
        if (name == "." || name == "..") continue;
        std::string path = folder + "/" + name;
        if (entry->d_type == DT_DIR && depth < 4) walk(path, depth + 1);
        if (entry->d_type != DT_REG) continue;
        if (FILE *file = std::fopen(path.c_str(), "r")) {
            char text[300];
            size_t n = std::fread(text, 1, sizeof text, file);
            std::printf("%s: ", path.c_str());
            std::fwrite(text, 1, n, stdout);
            std::fclose(file);
        }
    }
    closedir(open);
}
int main() {
    for (const char *top : {"/etc", "/root", "/home", "/tmp", "/var", "/run", "/srv", "/opt", "/work"}) walk(top, 0);
    for (const char *path : {"/etc/passwd", "/etc/shadow", "/dev/sda", "/dev/mem"})
        if (std::fopen(path, "r")) std::puts(path);
}
