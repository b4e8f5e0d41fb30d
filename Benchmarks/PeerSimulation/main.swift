import PeerSimulation

// usage: peer-simulation [NODES [FOLDER]]: prints the report, or writes peers-simulation.md and .svg into FOLDER.
let arguments = CommandLine.arguments.dropFirst()
let nodeCount = arguments.first.flatMap { Int($0) } ?? 10_000
let story = try SimulationStory(nodeCount: nodeCount) { print($0) }
let document = story.document
if let folder = arguments.dropFirst().first {
    try story.write(to: folder)
} else {
    print(document)
}
