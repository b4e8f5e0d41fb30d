import Testing

@testable import PullThroughCache

@Suite struct RecencyCacheTests {
    @Test
    func `what was used longest ago goes first`() {
        var cache = RecencyCache<String, Int>(costLimit: 3)
        cache.insert(1, for: "a")
        cache.insert(2, for: "b")
        cache.insert(3, for: "c")
        let used = cache.value(for: "a")
        #expect(used == 1)
        cache.insert(4, for: "d")
        #expect(cache.peek("b") == nil)
        #expect(cache.peek("a") == 1)
        #expect(cache.count == 3)
    }

    @Test
    func `what costs more than everything is not kept, and displaces nothing`() {
        var cache = RecencyCache<String, Int>(costLimit: 3)
        cache.insert(1, for: "a", cost: 2)
        cache.insert(2, for: "b", cost: 4)
        #expect(cache.peek("a") == 1)
        #expect(cache.peek("b") == nil)
        #expect(cache.cost == 2)
    }

    @Test
    func `random use agrees with a simple model`() {
        var generator = SystemRandomNumberGenerator()
        var cache = RecencyCache<Int, Int>(costLimit: 20)
        var model: [(key: Int, value: Int, cost: Int)] = []  // the newest last
        for step in 0..<20_000 {
            let key = Int.random(in: 0..<15, using: &generator)
            switch Int.random(in: 0..<4, using: &generator) {
            case 0, 1:
                let cost = Int.random(in: 1...7, using: &generator)
                cache.insert(step, for: key, cost: cost)
                model.removeAll { $0.key == key }
                while model.map(\.cost).reduce(0, +) + cost > 20 { model.removeFirst() }
                model.append((key, step, cost))
            case 2:
                let value = cache.value(for: key)
                let index = model.firstIndex { $0.key == key }
                #expect(value == index.map { model[$0].value })
                if let index { model.append(model.remove(at: index)) }
            default:
                cache.removeValue(for: key)
                model.removeAll { $0.key == key }
            }
            #expect(cache.count == model.count)
            #expect(cache.cost == model.map(\.cost).reduce(0, +))
        }
        for entry in model { #expect(cache.peek(entry.key) == entry.value) }
    }
}
