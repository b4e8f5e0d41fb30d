/// Runs a program over a text, all ways at once: each step is entered at most once for each character.
struct PatternMachine {
    private let program: PatternProgram
    private let text: [UInt32]

    init(_ program: PatternProgram, _ text: [UInt32]) {
        self.program = program
        self.text = text
    }

    /// Whether there is a match; without groups, and over as soon as one is found.
    func matches() -> Bool {
        var now = ThreadList(capacity: program.steps.count)
        var next = ThreadList(capacity: program.steps.count)
        var open: [Int] = []
        for position in 0...text.count {
            if mayBegin(at: position, isIdle: now.isEmpty) {
                if enter(0, at: position, into: &now, open: &open) { return true }
            } else if now.isEmpty {
                if program.isAnchored { return false }
                continue
            }
            guard position < text.count else { return false }
            let scalar = text[position]
            for index in now.indices {
                guard case .take(let set) = program.steps[index], set.contains(scalar) else { continue }
                if enter(index + 1, at: position + 1, into: &next, open: &open) { return true }
            }
            swap(&now, &next)
            next.removeAll()
        }
        return false
    }

    private func mayBegin(at position: Int, isIdle: Bool) -> Bool {
        if program.isAnchored { return position == 0 }
        guard let first = program.firstScalars else { return true }
        return position < text.count && first.contains(text[position])
    }

    /// Adds what is reached from `start` without taking a character. Returns whether that is the end.
    private func enter(_ start: Int, at position: Int, into list: inout ThreadList, open: inout [Int]) -> Bool {
        open.append(start)
        while let index = open.popLast() {
            guard list.insert(index) else { continue }
            switch program.steps[index] {
            case .take: break
            case .fork(let first, let second):
                open.append(second)
                open.append(first)
            case .jump(let target): open.append(target)
            case .save: open.append(index + 1)
            case .require(let assertion): if assertion.holds(at: position, in: text) { open.append(index + 1) }
            case .accept:
                open.removeAll()
                return true
            }
        }
        return false
    }

    /// A way through the program, and what its groups hold so far.
    private struct Thread {
        var index: Int
        var slots: [Int?]
    }

    /// The leftmost match, of several there the one that the expression prefers.
    func firstMatch() -> [Int?]? {
        var best: [Int?]?
        var now: [Thread] = []
        for position in 0...text.count {
            var seen = ThreadList(capacity: program.steps.count)
            var reached: [Thread] = []
            for thread in now { add(thread, at: position, to: &reached, &seen) }
            if best == nil, mayBegin(at: position, isIdle: now.isEmpty) {
                let slots = [Int?](repeating: nil, count: program.slotCount)
                add(Thread(index: 0, slots: slots), at: position, to: &reached, &seen)
            }
            now.removeAll(keepingCapacity: true)
            for thread in reached {
                switch program.steps[thread.index] {
                case .take(let set):
                    if position < text.count, set.contains(text[position]) {
                        now.append(Thread(index: thread.index + 1, slots: thread.slots))
                    }
                    continue
                case .accept: best = thread.slots
                default: continue
                }
                // What comes after is preferred less.
                break
            }
            if now.isEmpty, best != nil || program.isAnchored { break }
        }
        return best
    }

    private func add(_ thread: Thread, at position: Int, to list: inout [Thread], _ seen: inout ThreadList) {
        var open = [thread]
        while var current = open.popLast() {
            guard seen.insert(current.index) else { continue }
            switch program.steps[current.index] {
            case .take, .accept: list.append(current)
            case .fork(let first, let second):
                open.append(Thread(index: second, slots: current.slots))
                current.index = first
                open.append(current)
            case .jump(let target):
                current.index = target
                open.append(current)
            case .save(let slot):
                current.slots[slot] = position
                current.index += 1
                open.append(current)
            case .require(let assertion):
                guard assertion.holds(at: position, in: text) else { continue }
                current.index += 1
                open.append(current)
            }
        }
    }
}

/// Steps in the order they were entered, each once (Briggs and Torczon's sparse set: emptied at no cost).
private struct ThreadList {
    private(set) var indices: [Int] = []
    private var places: [Int]

    init(capacity: Int) { places = [Int](repeating: 0, count: capacity) }

    var isEmpty: Bool { indices.isEmpty }

    mutating func insert(_ index: Int) -> Bool {
        let place = places[index]
        if place < indices.count, indices[place] == index { return false }
        places[index] = indices.count
        indices.append(index)
        return true
    }

    mutating func removeAll() { indices.removeAll(keepingCapacity: true) }
}
