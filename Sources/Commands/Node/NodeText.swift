internal import ControlServer

/// What commands and the page say of a node, for people.
enum NodeText {
    static func status(_ status: NodeStatusDocument) -> String {
        let tags = status.advertisedTags.sorted { $0.key < $1.key }.map { "\($0.value) of \($0.key)" }
        var text = TextTable.pairs([
            ("Version", "\(status.version), process \(status.processIdentifier)"),
            ("Running", "since \(TimeText.rough(.seconds(status.uptimeSeconds)))"),
            ("Ready", status.isReady ? "yes" : "no"),
            ("Identity", status.identity + (status.isPrivateNetwork ? ", in a private network" : "")),
            (
                "Peers find it at",
                status.peerAddresses.isEmpty ? "no address" : status.peerAddresses.joined(separator: ", ")
            ),
            (
                "Bootstrap",
                printable(
                    status.bootstrapTrouble
                        ?? (status.peers.contains(where: \.isInTable) ? "peers are known" : "is being asked"))
            ),
            ("Registry", status.registryAddresses.joined(separator: ", ")),
            (
                "Content",
                (status.isContentFollowed
                    ? status.contentDirectory ?? "read through \(status.contentKeeper)"
                    : "\(status.contentKeeper) is not followed")
                    + (status.contentTrouble.map { "; \(printable($0))" } ?? "")
            ),
            (
                "Central",
                (status.central ?? "none") + (status.centralTrouble.map { " cannot be asked: \(printable($0))" } ?? "")
            ),
            ("Private images", status.grants ?? "given to everybody who asks"),
            (
                "Advertised",
                "\(status.advertisedKeys) keys"
                    + (status.untoldKeys > 0 ? ", of \(status.untoldKeys) nobody was told yet" : "")
                    + (tags.isEmpty ? "" : "; tags: \(tags.joined(separator: ", "))")
            ),
            ("Records", "\(status.records) of \(status.providers) peers"),
        ])
        var peers = TextTable(
            ["peer", "addresses", "connection", "asked", "answers in", "heard", "agent"], rightAligned: [4])
        for peer in status.peers {
            peers.append([
                peer.id, peer.addresses.joined(separator: " "), peer.connection, peer.isInTable ? "yes" : "no",
                (peer.answerMilliseconds ?? peer.roundTripMilliseconds).map(time) ?? "-",
                peer.answeredSecondsAgo.map { "\(TimeText.rough(.seconds($0))) ago" } ?? "-",
                printable(peer.agent ?? "-"),
            ])
        }
        text += "\n" + peers.text
        guard !status.setAside.isEmpty else { return text }
        var aside = TextTable(["not asked", "since it", "for"])
        for peer in status.setAside {
            aside.append([peer.origin, peer.reason, TimeText.rough(.seconds(max(1, peer.seconds)))])
        }
        return text + "\n" + aside.text
    }

    static func findings(_ find: NodeFindDocument) -> String {
        var table = TextTable(["peer", "addresses", "found after"], rightAligned: [2])
        for peer in find.peers {
            table.append([peer.id, peer.addresses.joined(separator: " "), time(peer.milliseconds)])
        }
        let count = find.peers.count == 1 ? "1 peer says" : "\(find.peers.count) peers say"
        return (find.peers.isEmpty ? "" : table.text + "\n")
            + "\(count) to have \(find.key); looked up in \(time(find.milliseconds))"
            + (find.isHere ? "; it is here as well\n" : "\n")
    }

    static func measurement(_ measure: NodeMeasureDocument) -> String {
        var table = TextTable(["part", "digest", "size", "time", "from"], rightAligned: [2, 3])
        for part in measure.parts {
            table.append([part.kind, part.digest, SizeText.rounded(part.bytes), time(part.milliseconds), part.from])
        }
        return findings(measure.find) + "\n" + table.text
            + "\npulled \(SizeText.rounded(measure.bytes)) in \(time(measure.milliseconds))\n"
    }

    private static func time(_ milliseconds: Double) -> String {
        let tenths = Int64((milliseconds * 10).rounded())
        return "\(tenths / 10).\(tenths % 10) ms"
    }
}
