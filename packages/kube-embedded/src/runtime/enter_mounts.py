"""Starts a program with folders and files at paths where it alone, and what it starts, sees them.

Run by the process runtime: python -I -S enter_mounts.py, with a socket as file descriptor 3. One line of JSON comes in on it: what to mount and
what to run. Nothing else is read, so that a secret is in no argument, no variable and no file of the disk. One line goes out when the program
could not be started; on success the socket closes with execve(2), and the program has this process' id, environment and standard streams.

Linux: mount_namespaces(7), user_namespaces(7), mount(2). As root a mount namespace is enough; others need a user namespace, in which they stay
who they are. Where a path does not exist, its nearest existing folder is made anew in memory out of everything that it holds, and the rest of
the path is made there: the machine's own folders are never changed.
"""

import base64
import ctypes
import errno
import json
import os
import signal
import stat

CHANNEL = 3
CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 2, 4, 32, 4096, 16384, 1 << 18
# What statvfs(3) tells of a mount and a remount must not take from it: (ST_..., MS_...).
KEPT = [(2, MS_NOSUID), (4, MS_NODEV), (8, 8), (1024, 1024), (2048, 2048), (4096, 1 << 21)]
DENIED = {errno.EPERM, errno.EACCES, errno.ENOSYS, errno.EINVAL, errno.ENOSPC, errno.EUSERS}

libc = ctypes.CDLL(None, use_errno=True)


class NotPermitted(Exception):
    pass


def call(what, function, *args):
    if function(*args) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def mount(source, target, kind, flags, data=None):
    encoded = [None if part is None else os.fsencode(part) for part in (source, target, kind, data)]
    call(f"mount {target}", libc.mount, *encoded[:3], ctypes.c_ulong(flags), encoded[3])


def bind(source, target):
    mount(source, target, None, MS_BIND | MS_REC)


def enter(staging):
    uid, gid = os.getuid(), os.getgid()
    try:
        if uid != 0 or libc.unshare(CLONE_NEWNS) != 0:
            call("unshare", libc.unshare, CLONE_NEWUSER | CLONE_NEWNS)
            for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
                with open(f"/proc/self/{name}", "w") as file:
                    file.write(text)
        mount(None, "/", None, MS_REC | MS_PRIVATE)
        mount("tmpfs", staging, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0700,size=64m")
    except OSError as error:
        if error.errno in DENIED:
            raise NotPermitted(str(error)) from error
        raise


def fill(folder, files):
    for one in files:
        path = os.path.join(folder, one["path"])
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(base64.b64decode(one["content"]))
            os.fchmod(file.fileno(), one["mode"])


def shadow(folder, copy):
    """Makes `folder` a folder in memory that holds what it held; gives the device that it lies on now."""
    mode = stat.S_IMODE(os.stat(folder).st_mode)
    os.mkdir(copy)
    mount("tmpfs", copy, "tmpfs", MS_NOSUID | MS_NODEV, f"mode={mode:o}")
    with os.scandir(folder) as entries:
        for entry in entries:
            path = os.path.join(copy, entry.name)
            if entry.is_symlink():
                os.symlink(os.readlink(entry.path), path)
                continue
            if entry.is_dir(follow_symlinks=False):
                os.mkdir(path)
            else:
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
            bind(entry.path, path)
    device = os.stat(copy).st_dev
    if folder == "/":
        os.chroot(copy)
        os.chdir("/")
    else:
        bind(copy, folder)
    return device


def is_ours(folder, shadows, volumes):
    return os.stat(folder).st_dev in shadows or any(f"{folder}/".startswith(f"{volume}/") for volume in volumes)


def place(source, target, read_only, copy, shadows, volumes):
    target = os.path.realpath(target)
    is_folder = os.path.isdir(source)
    if os.path.exists(target):
        if os.path.isdir(target) != is_folder:
            raise OSError(errno.ENOTDIR, f"{target} is {'a file' if is_folder else 'a folder'}, the volume is not")
    else:
        above = os.path.dirname(target)
        while not os.path.isdir(above):
            above = os.path.dirname(above)
        if not is_ours(above, shadows, volumes):
            shadows.add(shadow(above, copy))
        os.makedirs(target if is_folder else os.path.dirname(target), exist_ok=True)
        if not is_folder:
            os.close(os.open(target, os.O_WRONLY | os.O_CREAT, 0o600))
    bind(source, target)
    if not read_only:
        volumes.append(target)
    else:
        has = os.statvfs(target).f_flag
        kept = sum(ms for st, ms in KEPT if has & st)
        mount(None, target, None, MS_REMOUNT | MS_BIND | MS_RDONLY | kept)


def mount_all(staging, mounts):
    # Where a folder may be made: in memory that stands for a folder of the machine, or in a volume that may be written.
    shadows, volumes = set(), []
    for index, one in enumerate(mounts):
        if "files" in one:
            source = os.path.join(staging, str(index))
            os.mkdir(source)
            fill(source, one["files"])
        else:
            source = one["folder"]
        source = os.path.join(source, one["subPath"]) if one["subPath"] else source
        if not os.path.exists(source):
            raise OSError(errno.ENOENT, f"the volume at {one['target']} has nothing at subPath {one['subPath']}")
        place(source, one["target"], one["readOnly"], os.path.join(staging, f"{index}-above"), shadows, volumes)


def run():
    with open("/proc/self/environ", "rb") as file:
        # As it was given to us: Python may have added to its own.
        environment = dict(one.split(b"=", 1) for one in file.read().split(b"\0") if b"=" in one)
    with os.fdopen(os.dup(CHANNEL), "rb") as channel:
        order = json.loads(channel.readline())
    enter(order["staging"])
    mount_all(order["staging"], order["mounts"])
    os.chdir(order["cwd"])
    # Python ignores them, and so would the program.
    for name in ("SIGPIPE", "SIGXFSZ"):
        signal.signal(getattr(signal, name), signal.SIG_DFL)
    os.execve(order["file"], order["argv"], environment)


def main():
    os.set_inheritable(CHANNEL, False)
    try:
        run()
    except NotPermitted as error:
        answer = {"notPermitted": str(error)}
    except Exception as error:
        answer = {"failed": str(error)}
    os.write(CHANNEL, json.dumps(answer).encode())
    os._exit(1)


main()
