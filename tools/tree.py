"""Which files are ours: what git tracks or would track, or, in a tree without git (an unpacked
archive), everything but what the build makes."""

import os
import subprocess

NOT_OURS = {".git", "build", "node_modules", ".cache", "__pycache__", "data"}


def our_files(root):
    """Sorted paths relative to `root`, with forward slashes."""
    found = _from_git(root) if os.path.exists(os.path.join(root, ".git")) else None
    if found is None:
        found = []
        for folder, folders, names in os.walk(root):
            folders[:] = [name for name in folders if name not in NOT_OURS]
            found += [os.path.relpath(os.path.join(folder, name), root) for name in names]
    # A tracked file may be deleted, and a link may lead nowhere.
    return sorted(path for path in found if os.path.isfile(os.path.join(root, path)))


def _from_git(root):
    try:
        answer = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=root, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None  # No git, or it does not trust this folder's owner.
    return [path for path in answer.stdout.decode().split("\0") if path]


def read_text(root, path):
    """The file's text, or None if it is not UTF-8 text."""
    with open(os.path.join(root, path), "rb") as file:
        content = file.read()
    if b"\0" in content:
        return None
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return None
