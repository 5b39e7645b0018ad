import os

libraries = ("/usr", "/lib", "/lib64", "/dev", os.path.dirname(os.path.dirname(os.__file__)))
for top in ("/etc", "/root", "/home", "/tmp", "/var", "/run", "/srv", "/opt", "/mnt", "/sys", "/proc", "..", "."):
    count = 0
    for folder, _, names in os.walk(top):
        if folder.startswith(libraries):
            continue
        for name in names:
            try:
                with open(os.path.join(folder, name), "rb") as file:
                    print(file.name, file.read(300))
            except OSError:
                pass
        count += 1
        if count > 300:
            break
for path in ("/etc/passwd", "/etc/shadow", "/root/.bashrc", "/dev/sda", "/dev/vda", "/dev/mem", "/dev/kmsg", "/dev/tty"):
    try:
        print(open(path, "rb").read(100))
    except OSError:
        pass
