internal import Commands

@main
struct Weir {
    static func main() async { await WeirProgram.main() }
}
