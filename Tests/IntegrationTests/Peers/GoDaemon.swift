extension ForeignPeer {
    /// go-libp2p's daemon, with the hash table of IPFS: the same as Spegel's under another name. Stays for a minute unless it
    /// is ended.
    ///
    /// Arguments: the key to provide and the key to find (hexadecimal multihashes), and the addresses of peers to meet, with
    /// their IDs. Prints `ready ID ADDRESS`, `peers ID…`, `found ID ADDRESS…` and `done`, one a line.
    static let goDaemon = ForeignPeer(
        folder: "go-daemon",
        script: #"""
            import ctypes, glob, os, socket, subprocess, sys, time

            DIGITS = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

            def say(*words): print(*words, flush=True)

            def base58(raw):
                number, text = int.from_bytes(raw, "big"), ""
                while number: number, digit = divmod(number, 58); text = DIGITS[digit] + text
                return "1" * (len(raw) - len(raw.lstrip(b"\0"))) + text

            def unbase58(text):
                number = 0
                for letter in text: number = number * 58 + DIGITS.index(letter)
                raw = number.to_bytes((number.bit_length() + 7) // 8, "big")
                return b"\0" * (len(text) - len(text.lstrip("1"))) + raw

            # /ip4/A/tcp/PORT[/p2p/ID], the only addresses here.
            def address(text):
                words = text.split("/")
                return b"\x04" + socket.inet_aton(words[2]) + b"\x06" + int(words[4]).to_bytes(2, "big")

            def address_text(raw):
                if len(raw) != 8 or raw[0] != 4 or raw[5] != 6: return raw.hex()
                return "/ip4/%s/tcp/%d" % (socket.inet_ntoa(raw[1:5]), int.from_bytes(raw[6:8], "big"))

            def varint(number):
                raw = b""
                while number > 127: raw += bytes([number & 127 | 128]); number >>= 7
                return raw + bytes([number])

            def message(*fields):
                raw = b""
                for number, value in fields:
                    if isinstance(value, int): raw += varint(number << 3) + varint(value)
                    else: raw += varint(number << 3 | 2) + varint(len(value)) + value
                return raw

            def parse(raw):
                fields, at = {}, 0
                def number():
                    nonlocal at
                    value, shift = 0, 0
                    while True:
                        byte = raw[at]; at += 1
                        value |= (byte & 127) << shift; shift += 7
                        if byte < 128: return value
                while at < len(raw):
                    tag = number()
                    value = number()
                    if tag & 7 == 2: value, at = raw[at:at + value], at + value
                    fields.setdefault(tag >> 3, []).append(value)
                return fields

            class Refused(Exception): pass

            class Control:
                def __init__(self, path):
                    self.socket = socket.socket(socket.AF_UNIX)
                    self.socket.settimeout(20)
                    self.socket.connect(path)
                    self.file = self.socket.makefile("rb")

                def read(self):
                    length, shift = 0, 0
                    while True:
                        byte = self.file.read(1)[0]
                        length |= (byte & 127) << shift; shift += 7
                        if byte < 128: break
                    return parse(self.file.read(length))

                def ask(self, *fields):
                    raw = message(*fields)
                    self.socket.sendall(varint(len(raw)) + raw)
                    answer = self.read()
                    if answer[1] != [0]: raise Refused(answer)
                    return answer

            def main(provided, wanted, *peers):
                binary = glob.glob(sys.prefix + "/lib/python3*/site-packages/hivemind/hivemind_cli/p2pd")[0]
                path = os.environ["HOME"] + "/control"
                with_parent = lambda: ctypes.CDLL(None).prctl(1, 9)
                subprocess.Popen(
                    [binary, "-listen", "/unix" + path, "-hostAddrs", "/ip4/127.0.0.1/tcp/0", "-dhtServer", "-relay=false",
                     "-tls=false", "-q"], preexec_fn=with_parent)
                while not os.path.exists(path): time.sleep(0.05)
                own = parse(Control(path).ask((1, 0))[4][0])
                say("ready", base58(own[1][0]), *map(address_text, own[2]))
                for peer in peers:
                    Control(path).ask((1, 1), (2, message((1, unbase58(peer.rsplit("/", 1)[1])), (2, address(peer)))))
                cid = lambda text: b"\x01\x55" + bytes.fromhex(text)
                # Refused while nobody is known.
                for _ in range(100):
                    try:
                        Control(path).ask((1, 4), (5, message((1, 8), (3, cid(provided)))))
                        break
                    except Refused as error:
                        print(error, file=sys.stderr)
                        time.sleep(0.1)
                found = []
                while not found:
                    time.sleep(0.1)
                    control = Control(path)
                    control.ask((1, 4), (5, message((1, 2), (3, cid(wanted)), (6, 1), (7, 5))))
                    while True:
                        answer = control.read()
                        if answer[1] == [2]: break
                        found += map(parse, answer.get(2, []))
                for provider in found: say("found", base58(provider[1][0]), *map(address_text, provider.get(2, [])))
                say("peers", *(base58(parse(peer)[1][0]) for peer in Control(path).ask((1, 5)).get(6, [])))
                say("done")
                time.sleep(60)

            main(*sys.argv[1:])
            """#)
}
