import Testing

extension RealPrograms {
    /// Disks that take nothing more.
    @Suite(.serialized)
    struct StorageTests {
        @Test(.needs(), .timeLimit(.minutes(2)), arguments: [2, 4, 16])
        func `a full disk never refuses a pull`(mebibytes: Int) async throws {
            try await ClosedMachine.with { machine in
                let registry = try await RealRegistry(on: machine)
                // More than the disk holds, and one blob alone is.
                let image = try await ImageFactory(machine: machine).make("x", layerBytes: (mebibytes + 1) << 20)
                try await registry.push(image, as: Stage.repository)
                let small = try await ImageFactory(machine: machine).make("small", layerBytes: 100_000)
                try await registry.push(small, as: "library/small")
                let directory = "\(machine.scratch.path)/full"
                try await machine.mountMemory(at: directory, size: "\(mebibytes)m")
                var configuration = WeirConfiguration(rules: [.hub(registry.origin)])
                configuration.directory = directory
                let weir = try WeirProcess(on: machine, configuration)
                try await weir.start()
                let stage = Stage(machine: machine, registry: registry, weir: weir, image: image)
                for _ in 0..<2 { #expect(try await stage.pullIsExact()) }
                let folder = try await stage.skopeo.pull("\(weir.authority)/library/small:multi")
                #expect(try Skopeo.verified(folder, is: small) == small.everything)
                let blob = try image.native.layers[2]
                let answers = try await machine.requestTogether(Array(repeating: stage.url(blob: blob), count: 8))
                #expect(answers.allSatisfy { $0.status == 200 && contentDigest($0.body) == blob.digest })
                try await weir.stop()
            }
        }

        @Test(.needs(), .timeLimit(.minutes(2)))
        func `the store is kept under its limit, and what was pulled last stays`() async throws {
            try await Stage.with(layerBytes: 3 << 20, configure: { $0.limit = "24MiB" }) { stage in
                let factory = ImageFactory(machine: stage.machine)
                var images: [ImageLayout] = []
                for number in 0..<6 {
                    let image = try await factory.make("n\(number)", layerBytes: 3 << 20)
                    try await stage.registry.push(image, as: "library/n\(number)")
                    let folder = try await stage.skopeo.pull("\(stage.weir.authority)/library/n\(number):multi")
                    #expect(try Skopeo.verified(folder, is: image) == image.everything)
                    images.append(image)
                }
                // Six times 7 MiB and more were pulled.
                try await eventually("the store is under its limit", within: .seconds(60)) {
                    try stage.weir.storedBytes() < 24 << 20
                }
                #expect(try !stage.weir.isStored(try images[0].native.layers[2]), "the oldest went first")
                try await stage.registry.stop()
                let folder = try await stage.skopeo.pull("\(stage.weir.authority)/library/n5:multi")
                #expect(try Skopeo.verified(folder, is: images[5]) == images[5].everything)
            }
        }

        @Test(.needs(), .timeLimit(.minutes(2)))
        func `a read-only store never refuses a pull`() async throws {
            try await ClosedMachine.with { machine in
                let registry = try await RealRegistry(on: machine)
                let stored = try await ImageFactory(machine: machine).make("stored")
                let new = try await ImageFactory(machine: machine).make("new")
                try await registry.push(stored, as: Stage.repository)
                try await registry.push(new, as: "library/new")
                let directory = "\(machine.scratch.path)/readonly"
                try await machine.mountMemory(at: directory, size: "64m")
                var configuration = WeirConfiguration(rules: [.hub(registry.origin)])
                configuration.directory = directory
                let weir = try WeirProcess(on: machine, configuration)
                try await weir.start()
                let stage = Stage(machine: machine, registry: registry, weir: weir, image: stored)
                #expect(try await stage.pullIsExact())
                try await weir.stop()
                try await machine.succeed("mount", ["-o", "remount,ro", directory])
                try await weir.start()
                #expect(try await stage.pullIsExact())
                for _ in 0..<2 {
                    let folder = try await stage.skopeo.pull("\(weir.authority)/library/new:multi")
                    #expect(try Skopeo.verified(folder, is: new) == new.everything)
                }
                try await weir.stop()
            }
        }
    }
}
