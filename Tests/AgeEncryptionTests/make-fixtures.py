#!/usr/bin/env python3
"""Makes the files in Fixtures/ anew: with the real `age` (Debian package age), and for what `age` does not offer, a low
scrypt work factor, with the package `cryptography`. Needs python3-cryptography, age and ssh-keygen.

usage: Tests/AgeEncryptionTests/make-fixtures.py
"""
import base64, hashlib, hmac, os, pty, subprocess, sys, tempfile
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "Fixtures")


def content(count):
    """Bytes that the tests can make again."""
    return bytes(number * 7 % 251 for number in range(count))


def write(name, data):
    with open(os.path.join(folder, name), "wb") as file:
        file.write(data)


def age(plain, *arguments):
    return subprocess.run(["age", *arguments], input=plain, check=True, capture_output=True).stdout


def age_with_passphrase(plain, passphrase):
    """`age --passphrase` reads from the terminal alone."""
    with tempfile.TemporaryDirectory() as place:
        source, target = os.path.join(place, "plain"), os.path.join(place, "out")
        with open(source, "wb") as file:
            file.write(plain)
        process, terminal = pty.fork()
        if process == 0:
            os.execvp("age", ["age", "--passphrase", "-o", target, source])
        seen = b""
        while True:
            try:
                data = os.read(terminal, 1024)
            except OSError:
                break
            if not data:
                break
            seen += data
            if b"passphrase" in seen and seen.rstrip().endswith(b":"):
                seen = b""
                os.write(terminal, passphrase.encode() + b"\n")
        os.waitpid(process, 0)
        with open(target, "rb") as file:
            return file.read()


def unpadded(data):
    return base64.b64encode(data).rstrip(b"=")


def hkdf(key, salt, info):
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=salt, info=info).derive(key)


def scrypt_file(plain, passphrase, factor):
    """age-encryption.org/v1, written from the specification."""
    file_key, salt, nonce = os.urandom(16), os.urandom(16), os.urandom(16)
    wrapping = Scrypt(salt=b"age-encryption.org/v1/scrypt" + salt, length=32, n=1 << factor, r=8, p=1).derive(
        passphrase.encode())
    body = ChaCha20Poly1305(wrapping).encrypt(bytes(12), file_key, None)
    header = b"age-encryption.org/v1\n-> scrypt " + unpadded(salt) + b" %d\n" % factor + unpadded(body) + b"\n---"
    mac = hmac.new(hkdf(file_key, None, b"header"), header, hashlib.sha256).digest()
    payload = ChaCha20Poly1305(hkdf(file_key, nonce, b"payload")).encrypt(bytes(11) + b"\1", plain, None)
    return header + b" " + unpadded(mac) + b"\n" + nonce + payload


def main():
    os.makedirs(folder, exist_ok=True)
    key_file = os.path.join(folder, "key.txt")
    if not os.path.exists(key_file):
        subprocess.run(["age-keygen", "-o", key_file], check=True, capture_output=True)
        subprocess.run(["age-keygen", "-o", os.path.join(folder, "other-key.txt")], check=True, capture_output=True)

    def recipient(name):
        path = os.path.join(folder, name)
        return subprocess.run(["age-keygen", "-y", path], check=True, capture_output=True, text=True).stdout.strip()

    mine, other = recipient("key.txt"), recipient("other-key.txt")
    for count in [0, 1, 65536, 131073]:
        write(f"x25519-{count}.age", age(content(count), "-r", mine))
    write("armored.age", age(content(1000), "-a", "-r", mine))
    write("two-recipients.age", age(content(100), "-r", other, "-r", mine))
    write("other.age", age(content(100), "-r", other))
    with tempfile.TemporaryDirectory() as place:
        for kind in ["ed25519", "rsa"]:
            path = os.path.join(place, kind)
            subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", path], check=True)
            write(f"ssh-{kind}.age", age(content(100), "-R", path + ".pub"))
    write("passphrase-age.age", age_with_passphrase(content(100), "correct horse"))
    write("passphrase-10.age", scrypt_file(content(100), "correct horse", 10))
    write("passphrase-19.age", scrypt_file(content(100), "correct horse", 19))


if __name__ == "__main__":
    sys.exit(main())
