"""recording.py - reads what recorder.cc wrote and makes the disk that a power cut at some moment would have left.

The model is harsh: of a file, synced octets are there; of writes, truncations and allocations not covered by a finished sync, any
part may be there, sector by sector, in any combination. Of a folder, the names at its last finished sync are there; later
changes became durable one after the other up to some point. A file whose name is durable and whose content is not is there with
whatever part of its content survived. A rename is there whole or not at all, from one folder to another too: there it is durable
with the sync of either, as on every file system with a journal.

A Disk may be told that some syncs have no effect, by a pattern of paths: then it is the disk of a program that forgot them.
"""
import copy
import fnmatch
import os
import struct

WRITE, TRUNCATE, ALLOCATE, SYNC_BEGIN, SYNC_END, CREATE, MAKE_FOLDER, RENAME, LINK, UNLINK, REMOVE_FOLDER = range(1, 12)
HEADER = struct.Struct("<IIQQQII")
MAGIC = 0x4C54534F
ACKNOWLEDGED = b"ACK:"
SECTOR = 512


def acknowledge(fd, text):
    """Puts a line of the test itself into the recording: from here on `text` was promised to a client."""
    data = ACKNOWLEDGED + text.encode()
    os.write(fd, HEADER.pack(MAGIC, 100, 0, 0, 0, len(data), 0) + data)


def read(path):
    """All records: (op, inode, inode2, offset, data, data2)."""
    with open(path, "rb") as stream:
        octets = stream.read()
    at, records = 0, []
    while at + HEADER.size <= len(octets):
        magic, op, inode, inode2, offset, length, length2 = HEADER.unpack_from(octets, at)
        assert magic == MAGIC, "the recording is broken at %d" % at
        at += HEADER.size
        data, data2 = octets[at:at + length], octets[at + length:at + length + length2]
        at += length + length2
        records.append((op, inode, inode2, offset, data, data2))
    return records


class File:
    def __init__(self, octets=b""):
        self.synced = bytearray(octets)
        self.pending = []  # (kind, offset, data), oldest first
        self.covered = {}  # number of a running sync -> how many of `pending` it covers

    def survivor(self, random):
        image = bytearray(self.synced)
        for change in self.pending:
            mood = random.randrange(3)  # nothing of it, all of it, some sectors
            if mood:
                apply(image, change, None if mood == 1 else random)
        return image


def apply(image, change, random):
    kind, offset, data = change
    if kind == TRUNCATE:
        if len(image) > offset:
            del image[offset:]
        else:
            image.extend(bytes(offset - len(image)))
        return
    if kind == ALLOCATE:
        if len(image) < offset:
            image.extend(bytes(offset - len(image)))
        return
    at = 0
    while at < len(data):
        step = min(SECTOR - (offset + at) % SECTOR, len(data) - at)
        if random is None:
            step = len(data) - at
        if random is None or random.randrange(2):
            end = offset + at + step
            if len(image) < end:
                image.extend(bytes(end - len(image)))
            image[offset + at:end] = data[at:at + step]
        at += step


class Folder:
    def __init__(self, names=None):
        self.history = [dict(names or {})]  # the synced names first, then after each change
        self.first = 0  # the number of history[0]
        self.covered = {}  # number of a running sync -> number of the last change it covers

    def last(self):
        return self.first + len(self.history) - 1

    def change(self):
        self.history.append(dict(self.history[-1]))
        return self.history[-1]

    def at(self, number):
        return self.history[number - self.first]

    def became_durable(self, number):
        if number > self.first:
            del self.history[:number - self.first]
            self.first = number


class Disk:
    """What is below a folder, fed with records one after the other.
    `forgotten`: a pattern of paths whose syncs do nothing."""

    def __init__(self, root):
        self.files, self.folders = {}, {}
        self.reused = {}  # inode number -> what it is called here since it was given to something new
        self.times_reused = 0
        self.forgotten = None
        self.moves = []  # renames between folders, not durable yet: (folder, number of its change, other folder, number)
        self.root = os.stat(root).st_ino
        for path, folders, files in os.walk(root):
            names = {}
            for name in folders + files:
                full = os.path.join(path, name)
                status = os.lstat(full)
                if os.path.islink(full) or not (os.path.isfile(full) or os.path.isdir(full)):
                    continue
                names[name] = status.st_ino
                if os.path.isfile(full):
                    with open(full, "rb") as stream:
                        self.files[status.st_ino] = File(stream.read())
            self.folders[os.stat(path).st_ino] = Folder(names)
        self.acknowledged = []

    def copy(self, forgotten):
        """As it is now, to be fed on its own."""
        other = copy.deepcopy(self)
        other.forgotten = forgotten
        return other

    def feed(self, record):
        op, inode, inode2, offset, data, data2 = record
        inode, inode2 = self.reused.get(inode, inode), self.reused.get(inode2, inode2)
        if op == 100:
            self.acknowledged.append(data[len(ACKNOWLEDGED):].decode())
        elif op in (WRITE, TRUNCATE, ALLOCATE):
            self.files.setdefault(inode, File()).pending.append((op, offset, data))
        elif op == SYNC_BEGIN:
            if self.forgotten and fnmatch.fnmatchcase(data.decode(), self.forgotten):
                return
            target = self.files.get(inode) or self.folders.get(inode)
            if target is not None:
                target.covered[offset] = len(target.pending) if isinstance(target, File) else target.last()
        elif op == SYNC_END:
            self.finish_sync(inode, offset)
        elif op == CREATE:
            if inode2 not in self.files or not self.is_named(inode2):
                inode2 = self.new(record[2])
                self.files[inode2] = File()
            self.names(inode)[data.decode()] = inode2
        elif op == MAKE_FOLDER:
            inode2 = self.new(record[2])
            self.folders[inode2] = Folder()
            self.names(inode)[data.decode()] = inode2
        elif op == RENAME:
            source = self.names(inode)
            source.pop(data.decode(), None)
            target = source if inode == inode2 else self.names(inode2)
            target[data2.decode()] = self.reused.get(offset, offset)
            if inode != inode2:
                self.moves.append((inode, self.folders[inode].last(), inode2, self.folders[inode2].last()))
        elif op == LINK:
            self.names(inode2)[data2.decode()] = self.reused.get(offset, offset)
        elif op in (UNLINK, REMOVE_FOLDER):
            self.names(inode).pop(data.decode(), None)

    def new(self, number):
        """What an inode number means from now on. Names that are gone and not durably so still mean what had it before."""
        called = self.reused.get(number, number)
        if called in self.files or called in self.folders:
            self.times_reused += 1
            called = self.reused[number] = (number, self.times_reused)
        return called

    def names(self, inode):
        return self.folders.setdefault(inode, Folder()).change()

    def is_named(self, inode):
        return any(inode in folder.history[-1].values() for folder in self.folders.values())

    def finish_sync(self, inode, number):
        file, folder = self.files.get(inode), self.folders.get(inode)
        if folder is not None and number in folder.covered:
            self.names_became_durable(inode, folder.covered.pop(number))
        elif file is not None and number in file.covered:
            count = file.covered.pop(number)
            for change in file.pending[:count]:
                apply(file.synced, change, None)
            del file.pending[:count]
            file.covered = {n: max(0, c - count) for n, c in file.covered.items()}

    def names_became_durable(self, inode, number):
        self.folders[inode].became_durable(number)
        done = [move for move in self.moves if (move[0] == inode and move[1] <= number) or (move[2] == inode and move[3] <= number)]
        self.moves = [move for move in self.moves if move not in done]
        for source, its, target, its2 in done:
            other, change = (target, its2) if source == inode else (source, its)
            self.names_became_durable(other, max(change, self.folders[other].first))

    def survivors(self, random):
        """Up to which change each folder's names became durable."""
        chosen = {inode: random.randint(folder.first, folder.last()) for inode, folder in self.folders.items()}
        agreed = False
        while not agreed:
            agreed = True
            for source, its, target, its2 in self.moves:
                if (chosen[source] >= its) != (chosen[target] >= its2):
                    chosen[source], chosen[target], agreed = max(chosen[source], its), max(chosen[target], its2), False
        return chosen

    def write(self, target, random, inode=None, chosen=None):
        """Makes `target` as the root would be after a power cut now."""
        os.makedirs(target, exist_ok=True)
        inode, chosen = inode or self.root, chosen or self.survivors(random)
        for name, child in self.folders[inode].at(chosen[inode]).items():
            path = os.path.join(target, name)
            if child in self.folders:
                self.write(path, random, child, chosen)
            elif child in self.files:
                with open(path, "wb") as stream:
                    write_sparse(stream, self.files[child].survivor(random))


def write_sparse(stream, image):
    """Holes where there are zeroes: preallocated segments cost nothing."""
    block = 1 << 16
    zeroes = bytes(block)
    for at in range(0, len(image), block):
        piece = image[at:at + block]
        if piece != zeroes[:len(piece)]:
            stream.seek(at)
            stream.write(piece)
    stream.truncate(len(image))
