"""What the machine's view of a crash adds to a kill: the journals of forgetful_disk.cc, applied.

A power failure keeps what was synced. Of what was written since, any part may be on the disk: the
pieces of 512 bytes are kept or lost each on its own, as chance has it.
"""

import os
import struct

RECORD = struct.Struct("=qqqq")  # offset, size_before, old_bytes, new_bytes
SECTOR = 512


def read_journal(path):
    """[(offset, size_before, old, new)]; a last one that is not whole was never written."""
    with open(path, "rb") as file:
        data = file.read()
    records, at = [], 0
    while at + RECORD.size <= len(data):
        offset, size_before, old_bytes, new_bytes = RECORD.unpack_from(data, at)
        at += RECORD.size
        if at + old_bytes + new_bytes > len(data):
            break
        old, new = data[at:at + old_bytes], data[at + old_bytes:at + old_bytes + new_bytes]
        at += old_bytes + new_bytes
        records.append((offset, size_before, old, new))
    return records


def forget(path, records, rng, keep):
    """Puts one file back to its last sync; then keeps each unsynced sector with chance `keep`."""
    with open(path, "r+b") as file:
        for offset, size_before, old, _ in reversed(records):
            file.seek(offset)
            file.write(old)
            file.truncate(size_before)
        for offset, _, _, new in records:
            at = 0
            while at < len(new):
                end = min(len(new), at + SECTOR - (offset + at) % SECTOR)
                if rng.random() < keep:
                    file.seek(offset + at)
                    file.write(new[at:end])
                at = end


def fail(data, journal, rng, keep=0.0):
    """After the kill: leaves in the folder `data` what a power failure would have, and forgets the
    journals. Returns how many unsynced writes there were."""
    by_inode = {}
    for folder, _, names in os.walk(data):
        for name in names:
            path = os.path.join(folder, name)
            if name.endswith("-shm"):
                os.remove(path)  # What was in memory alone.
            else:
                by_inode[str(os.stat(path).st_ino)] = path
    writes = 0
    for inode in os.listdir(journal):
        path = os.path.join(journal, inode)
        records = read_journal(path)
        writes += len(records)
        if inode in by_inode and records:
            forget(by_inode[inode], records, rng, keep)
        os.remove(path)
    return writes
