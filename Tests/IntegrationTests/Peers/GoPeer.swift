extension ForeignPeer {
    /// go-libp2p with its hash table, as Spegel and K3s have it. Stays for a minute unless it is ended.
    ///
    /// Arguments: the key to provide and the key to find (hexadecimal multihashes), `ed25519` or `p256`, the private network's
    /// key or nothing (an empty word), and the addresses of peers to meet, with their IDs.
    ///
    /// Prints `ready ID ADDRESS`, `ping NANOSECONDS` for the first peer it meets, `provided`, `found ID ADDRESS…` and `done`,
    /// one a line.
    static let go = ForeignPeer(
        folder: "go-peer",
        script: #"""
            import asyncio, sys
            from libp2p import *
            from libp2p.cid import Cid
            from libp2p.crypto import KeyType, crypto_generate_keypair
            from libp2p.dht import DHT, DhtModeEnum, Mode, ProtocolPrefix
            from libp2p.peer import addr_info_from_p2p_addr
            from libp2p.ping import PingService

            def say(*words): print(*words, flush=True)

            # Of a name the hash table takes the multihash alone.
            def cid(text): return Cid.from_bytes(b"\x01\x55" + bytes.fromhex(text))

            async def main(provided, wanted, kind, psk, *peers):
                private, _ = crypto_generate_keypair(KeyType.ECDSA if kind == "p256" else KeyType.Ed25519, 256)
                options = [
                    Identity(private), ListenAddrStrings("/ip4/127.0.0.1/tcp/0"), SecurityNoise, DefaultMuxers,
                    DisableRelay, Ping(True)]
                if psk: options.append(PrivateNetwork(bytes.fromhex(psk)))
                host = Host(*options)
                table = await DHT.new(host, Mode(DhtModeEnum.ModeServer), ProtocolPrefix("/spegel"))
                say("ready", host.id.string, *host.addrs)
                for peer in peers: await host.connect(addr_info_from_p2p_addr(peer))
                await table.bootstrap()
                if peers:
                    async for result in PingService(host).ping(peers[0].rsplit("/", 1)[1]):
                        say("ping", result.rtt)
                        break
                # Refused while nobody is known.
                for _ in range(200):
                    try:
                        await table.provide(cid(provided), True)
                        break
                    except Exception as error:
                        print(error, file=sys.stderr)
                        await asyncio.sleep(0.1)
                say("provided")
                found = []
                while not found:
                    found = await table.find_providers(cid(wanted))
                    await asyncio.sleep(0.1)
                for provider in found: say("found", provider.id.string, *provider.addrs)
                say("done")
                await asyncio.sleep(60)

            asyncio.run(main(*sys.argv[1:]))
            """#)
}
