"""The folders that programs can write to: files in and out, what a program left behind, and making all clean again.

Names and trees in here are made by programs. Every component of a path is opened without following links, only regular
files are read, and nothing recurses.
"""

import json
import os
import stat

BOX = "/box"
ELSEWHERE = ("/tmp", "/dev/shm", "/dev/mqueue")
"""The other places where a program can leave something."""
MOST_PARTS = 32
FILE_BYTES = 16 * 2**20
ARTEFACTS = 16
ARTEFACTS_BYTES = 8 * 2**20
"""So many files, of so many bytes together, are given back with a program's result."""
NAMED_ARTEFACTS = 100
"""So many are named at all."""
LIST_BYTES = 1 << 20
"""Of a list of all files, as JSON."""
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class FileError(Exception):
    """A file can't be had or made; says why."""


class Folder:
    """A folder that programs write to.

    Args:
        root: where it is.
        elsewhere: the other places that programs write to; one that is not there is none.
    """

    def __init__(self, root=BOX, elsewhere=ELSEWHERE):
        self._root = root
        self._elsewhere = elsewhere
        self._inputs = {}

    def put(self, path, data):
        """Make a file, or replace whatever has its name; it is there for every later program."""
        self._write(path, data)
        self._inputs[path] = data

    def get(self, path):
        """The bytes of a regular file."""
        with _Opened(self._root) as root:
            parent, name = _parent(root, path, make=False)
            try:
                return _read_file(parent, name, FILE_BYTES)
            except OSError as error:
                raise FileError(f"{path!r} can't be read: {error.strerror}.") from None
            finally:
                _close(parent, root)

    def files(self):
        """The state of each regular file, by path: inode, size, times. Not those in folders too deep to be named."""
        found = {}
        with _Opened(self._root) as root:
            folders = [()]
            while folders:
                parts = folders.pop()
                try:
                    folder = _descend(root, parts, make=False)
                except OSError:
                    continue
                try:
                    for name, status in _entries(folder):
                        path = (*parts, name)
                        if stat.S_ISDIR(status.st_mode) and len(path) < MOST_PARTS:
                            folders.append(path)
                        elif stat.S_ISREG(status.st_mode) and _is_text("/".join(path)):
                            found["/".join(path)] = (
                                status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
                finally:
                    _close(folder, root)
        return found

    def listed(self):
        """Path and size of each regular file.

        Raises:
            FileError: the names are too long, or too many, for a list.
        """
        found = [(path, state[1]) for path, state in self.files().items()]
        if len(json.dumps(found)) > LIST_BYTES:
            raise FileError(f"There are {len(found)} files, whose names are too long for a list.")
        return found

    def artefacts(self, before):
        """The files that are new or changed since `before`: path, size, and the bytes where there is room for them."""
        found, room = [], ARTEFACTS_BYTES
        for path, state in sorted(self.files().items()):
            if before.get(path) == state or len(found) == NAMED_ARTEFACTS:
                continue
            data = None
            if len(found) < ARTEFACTS and state[1] <= room:
                try:
                    data = self.get(path)
                    room -= len(data)
                except FileError:
                    continue
            found.append((path, state[1], data))
        return found

    def reset(self):
        """Leave nothing but what was put, as it was put; the other writable places empty.

        Raises:
            OSError: something could not be removed.
        """
        for place in (self._root, *self._elsewhere):
            if os.path.isdir(place):
                _empty(place)
        for path, data in self._inputs.items():
            self._write(path, data)

    def _write(self, path, data):
        with _Opened(self._root) as root:
            try:
                parent, name = _parent(root, path, make=True)
                try:
                    _replace_file(parent, name, data)
                finally:
                    _close(parent, root)
            except OSError as error:
                raise FileError(f"{path!r} can't be written: {error.strerror}.") from None


class _Opened:
    def __init__(self, path):
        self._path = path

    def __enter__(self):
        self._descriptor = os.open(self._path, _FOLDER)
        return self._descriptor

    def __exit__(self, *_):
        os.close(self._descriptor)


def split(path):
    """The parts of a relative path.

    Raises:
        FileError: it leaves the folder, or is no path of a file.
    """
    parts = path.split("/") if isinstance(path, str) else []
    wrong = not parts or len(parts) > MOST_PARTS or "\0" in path or any(part in ("", ".", "..") for part in parts)
    if wrong or not _is_text(path) or any(len(part.encode()) > 255 for part in parts):
        raise FileError(f"{path!r} is no relative path of a file.")
    return tuple(parts)


def _is_text(path):
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _parent(root, path, *, make):
    *folders, name = split(path)
    try:
        return _descend(root, folders, make=make), name
    except OSError as error:
        raise FileError(f"{path!r} can't be reached: {error.strerror}.") from None


def _descend(root, parts, *, make):
    """Open a folder below the root, one part after the other, following no link. The root itself for no parts."""
    folder = root
    for part in parts:
        if make:
            try:
                os.mkdir(part, dir_fd=folder)
            except FileExistsError:
                pass
        try:
            deeper = os.open(part, _FOLDER, dir_fd=folder)
        finally:
            _close(folder, root)
        folder = deeper
    return folder


def _close(folder, root):
    if folder != root:
        os.close(folder)


def _entries(folder):
    for name in os.listdir(folder):
        try:
            yield name, os.stat(name, dir_fd=folder, follow_symlinks=False)
        except OSError:  # it went away
            continue


def _read_file(folder, name, most_bytes):
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise FileError(f"{name!r} is no regular file.")
        if status.st_size > most_bytes:
            raise FileError(f"{name!r} has {status.st_size} bytes; {most_bytes} are allowed.")
        pieces, left = [], most_bytes
        while left and (piece := os.read(descriptor, min(left, 1 << 20))):
            pieces.append(piece)
            left -= len(piece)
        return b"".join(pieces)
    finally:
        os.close(descriptor)


def _replace_file(folder, name, data):
    """Beside it, then renamed: a planted link is replaced, never followed."""
    beside = f".{os.urandom(8).hex()}"
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644, dir_fd=folder)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view):]
        os.rename(beside, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        os.unlink(beside, dir_fd=folder)
        raise
    finally:
        os.close(descriptor)


def _empty(place):
    """Remove all that is in a folder. Folders are brought to the top before they are removed, however deep they are."""
    with _Opened(place) as root:
        while names := os.listdir(root):
            for name in names:
                _remove(root, name)


def _remove(root, name):
    if not stat.S_ISDIR(os.stat(name, dir_fd=root, follow_symlinks=False).st_mode):
        os.unlink(name, dir_fd=root)
        return
    os.chmod(name, 0o700, dir_fd=root)
    folder = os.open(name, _FOLDER, dir_fd=root)
    try:
        for inner, status in _entries(folder):
            if stat.S_ISDIR(status.st_mode):
                os.chmod(inner, 0o700, dir_fd=folder)
                os.rename(inner, os.urandom(16).hex(), src_dir_fd=folder, dst_dir_fd=root)
            else:
                os.unlink(inner, dir_fd=folder)
    finally:
        os.close(folder)
    os.rmdir(name, dir_fd=root)
