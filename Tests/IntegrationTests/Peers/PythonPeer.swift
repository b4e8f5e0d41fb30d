extension ForeignPeer {
    /// py-libp2p. Stays for a minute unless it is ended.
    ///
    /// Arguments: the address of the peer to meet with its ID, the key to provide and the key to find (hexadecimal
    /// multihashes), `ed25519` or `p256`, and the private network's key or nothing.
    ///
    /// Prints `ready ID ADDRESS`, `protocols …`, `ping …`, `found ID ADDRESS…` and `done`, one a line.
    static let python = ForeignPeer(
        folder: "python-peer",
        script: #"""
            import hashlib, importlib, os, sys, trio, multiaddr
            PROTOCOL = "/spegel/kad/1.0.0"
            # The option for it has no effect in 0.8.1.
            for name in ("kad_dht", "peer_routing", "provider_store", "value_store"):
                importlib.import_module("libp2p.kad_dht." + name).PROTOCOL_ID = PROTOCOL
            from Crypto.Cipher import Salsa20
            from cryptography.hazmat.primitives import hashes, serialization
            from cryptography.hazmat.primitives.asymmetric import ec
            from libp2p import new_host
            from libp2p.crypto import keys, serialization as key_serialization
            from libp2p.crypto.ed25519 import create_new_key_pair
            from libp2p.crypto.x25519 import create_new_key_pair as new_x25519
            from libp2p.custom_types import TProtocol
            from libp2p.host.ping import PingService
            from libp2p.kad_dht.kad_dht import KadDHT, DHTMode
            from libp2p.peer.peerinfo import info_from_p2p_addr
            from libp2p.security.noise.transport import Transport as Noise, PROTOCOL_ID as NOISE
            from libp2p.security.pnet.psk_conn import PskConn
            from libp2p.stream_muxer.yamux.yamux import Yamux, PROTOCOL_ID as YAMUX
            from libp2p.tools.anyio_service import background_trio_service

            # The library has Salsa20 with a nonce of 8 bytes, and libp2p XSalsa20 with one of 24.
            def quarter(x, a, b, c, d):
                rotate = lambda v, n: ((v << n) | (v >> (32 - n))) & 0xFFFFFFFF
                x[b] ^= rotate((x[a] + x[d]) & 0xFFFFFFFF, 7)
                x[c] ^= rotate((x[b] + x[a]) & 0xFFFFFFFF, 9)
                x[d] ^= rotate((x[c] + x[b]) & 0xFFFFFFFF, 13)
                x[a] ^= rotate((x[d] + x[c]) & 0xFFFFFFFF, 18)

            def hsalsa20(key, nonce):
                words = lambda b: [int.from_bytes(b[i:i + 4], "little") for i in range(0, len(b), 4)]
                s, k, n = words(b"expand 32-byte k"), words(key), words(nonce)
                x = [s[0]] + k[:4] + [s[1]] + n + [s[2]] + k[4:] + [s[3]]
                for _ in range(10):
                    for q in ((0, 4, 8, 12), (5, 9, 13, 1), (10, 14, 2, 6), (15, 3, 7, 11),
                              (0, 1, 2, 3), (5, 6, 7, 4), (10, 11, 8, 9), (15, 12, 13, 14)):
                        quarter(x, *q)
                return b"".join(x[i].to_bytes(4, "little") for i in (0, 5, 10, 15, 6, 7, 8, 9))

            def xsalsa20(key, nonce):
                return Salsa20.new(key=hsalsa20(key, nonce[:16]), nonce=nonce[16:])

            async def write(self, data):
                if self.write_cipher is None:
                    nonce = os.urandom(24)
                    await self._conn.write(nonce)
                    self.write_cipher = xsalsa20(self._psk, nonce)
                await self._conn.write(self.write_cipher.encrypt(data))

            async def read(self, n=None):
                if self.read_cipher is None:
                    nonce = b""
                    while len(nonce) < 24:
                        nonce += await self._conn.read(24 - len(nonce))
                    self.read_cipher = xsalsa20(self._psk, nonce)
                data = await self._conn.read(n)
                return self.read_cipher.decrypt(data) if data else b""

            PskConn.write, PskConn.read = write, read

            # K3s's nodes have keys of this kind, and the library has none.
            class PublicKey(keys.PublicKey):
                def __init__(self, key): self.key = key
                def to_bytes(self):
                    return self.key.public_bytes(
                        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
                def get_type(self): return keys.KeyType.ECDSA
                def verify(self, data, signature):
                    try:
                        self.key.verify(signature, data, ec.ECDSA(hashes.SHA256()))
                        return True
                    except Exception:
                        return False

            class PrivateKey(keys.PrivateKey):
                def __init__(self, key): self.key = key
                def to_bytes(self):
                    return self.key.private_bytes(
                        serialization.Encoding.DER, serialization.PrivateFormat.TraditionalOpenSSL,
                        serialization.NoEncryption())
                def get_type(self): return keys.KeyType.ECDSA
                def sign(self, data): return self.key.sign(data, ec.ECDSA(hashes.SHA256()))
                def get_public_key(self): return PublicKey(self.key.public_key())

            key_serialization.key_type_to_public_key_deserializer[keys.KeyType.ECDSA.value] = (
                lambda data: PublicKey(serialization.load_der_public_key(data)))

            def say(*words): print(*words, flush=True)

            async def main(target, provided, wanted, kind, psk=None):
                if kind == "p256":
                    private = PrivateKey(ec.generate_private_key(ec.SECP256R1()))
                    pair = keys.KeyPair(private, private.get_public_key())
                else:
                    pair = create_new_key_pair()
                host = new_host(
                    key_pair=pair, muxer_opt={TProtocol(YAMUX): Yamux}, psk=psk,
                    sec_opt={TProtocol(NOISE): Noise(libp2p_keypair=pair, noise_privkey=new_x25519().private_key)})
                async with host.run(listen_addrs=[multiaddr.Multiaddr("/ip4/127.0.0.1/tcp/0")]):
                    table = KadDHT(host, DHTMode.SERVER)
                    async with background_trio_service(table):
                        say("ready", host.get_id(), *host.get_addrs())
                        peer = info_from_p2p_addr(multiaddr.Multiaddr(target))
                        await host.connect(peer)
                        with trio.fail_after(20):
                            while PROTOCOL not in [str(p) for p in host.get_peerstore().get_protocols(peer.peer_id)]:
                                await trio.sleep(0.05)
                        say("protocols", *host.get_peerstore().get_protocols(peer.peer_id))
                        say("ping", *await PingService(host).ping(peer.peer_id, 3))
                        await table.add_peer(peer.peer_id)
                        say("provided", await table.provide(provided))
                        with trio.fail_after(20):
                            found = []
                            while not found:
                                found = await table.find_providers(wanted)
                                await trio.sleep(0.1)
                        for provider in found:
                            say("found", provider.peer_id, *provider.addrs)
                        say("done")
                        await trio.sleep(60)

            trio.run(main, *sys.argv[1:])
            """#)
}
