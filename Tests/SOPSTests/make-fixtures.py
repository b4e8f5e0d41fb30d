#!/usr/bin/env python3
"""Makes the files in Fixtures/ anew, in the format of SOPS 3.

The program `sops` itself is not used: this is an independent writer of its format, made from what SOPS's published
source says of values, paths and the MAC. The data key is encrypted by the real `age`, with keys made for these files
alone. Needs python3-cryptography and age.

usage: Tests/SOPSTests/make-fixtures.py
"""
import base64, hashlib, json, os, subprocess, sys
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "Fixtures")
MODIFIED = "2025-03-01T12:00:00Z"


class Comment(str):
    """A line of comment, without its '#'."""


def as_bytes(value):
    if isinstance(value, bool):
        return b"True" if value else b"False"
    if isinstance(value, float):
        return repr(value).encode()
    return str(value).encode()


def encrypt(value, key, context, kind=None):
    kind = kind or {bool: "bool", int: "int", float: "float", str: "str", Comment: "comment"}[type(value)]
    nonce = os.urandom(32)
    sealed = AESGCM(key).encrypt(nonce, as_bytes(value), context.encode())
    text = [base64.b64encode(part).decode() for part in (sealed[:-16], nonce, sealed[-16:])]
    return "ENC[AES256_GCM,data:%s,iv:%s,tag:%s,type:%s]" % (*text, kind)


class Writer:
    def __init__(self, chosen, only_encrypted):
        self.key, self.chosen, self.only = os.urandom(32), chosen, only_encrypted
        self.hash = hashlib.sha512(hashlib.sha256(b"sops").digest() if only_encrypted else b"")

    def tree(self, value, path):
        """The same tree with encrypted values; a mapping is a list of pairs, a comment in it has no key."""
        if isinstance(value, list):
            return [self.pair(item, path) if isinstance(item, tuple) else self.tree(item, path) for item in value]
        if value is None:
            return None
        chosen = self.chosen(path)
        if not isinstance(value, Comment) and (chosen or not self.only):
            self.hash.update(as_bytes(value))
        if not chosen or value == "":
            return value
        sealed = encrypt(value, self.key, ":".join(path) + ":")
        return Comment(sealed) if isinstance(value, Comment) else sealed

    def pair(self, item, path):
        name, value = item
        return (None, self.tree(value, path)) if name is None else (name, self.tree(value, path + [name]))

    def mac(self):
        return encrypt(self.hash.hexdigest().upper(), self.key, MODIFIED, "str")


def is_mapping(value):
    return isinstance(value, list) and bool(value) and isinstance(value[0], tuple)


def scalar(value):
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value if value.startswith("ENC[") else json.dumps(value)
    return str(value)


def yaml(value, depth=0):
    """Block style with four spaces, as SOPS writes it."""
    margin, text = "    " * depth, ""
    for item in value:
        if isinstance(item, tuple):
            name, inner = item
            if name is None:
                text += f"{margin}#{inner}\n"
            elif isinstance(inner, str) and "\n" in inner:
                lines = "".join(f"{margin}    {line}\n" for line in inner.splitlines())
                text += f"{margin}{name}: |\n{lines}"
            elif isinstance(inner, list) and inner:
                text += f"{margin}{name}:\n" + yaml(inner, depth + 1)
            else:
                text += f"{margin}{name}: {'[]' if inner == [] else scalar(inner)}\n"
        elif is_mapping(item):
            text += f"{margin}-" + yaml(item, depth + 1)[len(margin) + 1:]
        elif isinstance(item, Comment):
            text += f"{margin}#{item}\n"
        else:
            text += f"{margin}- {scalar(item)}\n"
    return text


def plain(value):
    if is_mapping(value):
        return {name: plain(inner) for name, inner in value if name is not None}
    if isinstance(value, list):
        # JSON has no comments.
        return [plain(item) for item in value if not isinstance(item, Comment)]
    return value


def recipient(name):
    path = os.path.join(folder, name)
    if not os.path.exists(path):
        subprocess.run(["age-keygen", "-o", path], check=True, capture_output=True)
    return subprocess.run(["age-keygen", "-y", path], check=True, capture_output=True, text=True).stdout.strip()


def share(key, to):
    sealed = subprocess.run(["age", "-a", "-r", to], input=key, check=True, capture_output=True).stdout.decode()
    return [("recipient", to), ("enc", sealed)]


def make(name, content, to, chosen=None, rule=("unencrypted_suffix", "_unencrypted"), only=False, extra=()):
    writer = Writer(chosen or (lambda path: not any(key.endswith("_unencrypted") for key in path)), only)
    tree = writer.tree(content, [])
    metadata = [("kms", []), ("gcp_kms", []), ("azure_kv", []), ("hc_vault", [])]
    metadata += [("age", [share(writer.key, one) for one in to]), ("lastmodified", MODIFIED), ("mac", writer.mac())]
    metadata += [("pgp", [])] + ([rule] if rule else []) + ([("mac_only_encrypted", True)] if only else [])
    replaced = dict(extra)
    metadata = [(key, replaced.pop(key, value)) for key, value in metadata] + list(replaced.items())
    metadata.append(("version", "3.9.0"))
    whole = tree + [("sops", metadata)]
    text = json.dumps(plain(whole), indent="\t") + "\n" if name.endswith(".json") else yaml(whole)
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        file.write(text)


ACCOUNTS = [
    ("dockerhub", [("registry", "registry-1.docker.io"), ("username", "me"), ("accessToken", "hush-hub")]),
    ("ghcr", [("registry", "ghcr.io"), ("username", "you"), ("accessToken", "hush-ghcr")]),
]
TYPES = [
    (None, Comment(" a comment, encrypted like a value")),
    ("text", "grüße 🐳"), ("empty", ""), ("nothing", None), ("number", 42), ("negative", -7), ("share", 0.25),
    ("truth", True), ("lie", False), ("list", ["one", Comment(" within a list"), "two", 3]),
    ("deep", [("er", [("est", "down")])]), ("lines", "a\nb\n"),
    ("kept_unencrypted", [("word", "plain"), ("number", 1200), ("share", 1.5), ("flag", True), ("none", None)]),
]
MIXED = [("name", "open"), ("port", 5000), ("token_secret", "hush"), ("inner", [("password", "hush2"), ("size", 3)])]


def main():
    os.makedirs(folder, exist_ok=True)
    mine, other = recipient("key.txt"), recipient("other-key.txt")
    make("accounts.yaml", ACCOUNTS, [mine])
    make("accounts.json", ACCOUNTS, [mine])
    make("two-recipients.yaml", ACCOUNTS, [other, mine])
    make("other.yaml", ACCOUNTS, [other])
    make("types.yaml", TYPES, [mine])
    make("types.json", TYPES, [mine])
    make("default-rule.yaml", TYPES, [mine], rule=None)
    secret = lambda path: any(key.endswith("_secret") for key in path)
    make("encrypted-suffix.yaml", MIXED, [mine], secret, ("encrypted_suffix", "_secret"))
    matching = lambda path: any(key == "password" or key.startswith("token") for key in path)
    make("encrypted-regex.yaml", MIXED, [mine], matching, ("encrypted_regex", "^(password$|token)"))
    make("mac-only-encrypted.yaml", MIXED, [mine], matching, ("encrypted_regex", "^(password$|token)"), only=True)
    others = lambda path: not any(key in ("name", "size", "port") for key in path)
    make("unencrypted-regex.yaml", MIXED, [mine], others, ("unencrypted_regex", "^(name|size|port)$"))
    # For the configuration's own tests: a whole one, and one in which a value has no place where it stands.
    lab = [("registry", "http://127.0.0.1:5002"), ("username", "me"), ("accessToken", "hush-lab")]
    make("configuration.yaml", [("listen", "127.0.0.1:5001"), ("rules", [("lab", lab)])], [mine])
    make("wrong.yaml", [("listen", "hush hush"), ("log", [("level", "hush")]), ("storage", [("limit", "hush")])], [mine])
    make("pgp.yaml", ACCOUNTS, [], extra=[("pgp", [[("fp", "AAAA"), ("enc", "x")]])])
    make("kms.yaml", ACCOUNTS, [], extra=[("kms", [[("arn", "arn:aws:kms:x"), ("enc", "x")]])])
    make("groups.yaml", ACCOUNTS, [mine], extra=[("key_groups", [[("hc_vault", [])], [("hc_vault", [])]])])
    make("comment-rule.yaml", ACCOUNTS, [mine], rule=("encrypted_comment_regex", "secret"))


if __name__ == "__main__":
    sys.exit(main())
