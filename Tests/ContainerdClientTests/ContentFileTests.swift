import BlobStore
import NIOCore
import Testing

@testable import ContainerdClient

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

@Suite struct ContentFileTests {
    @Test func `short and interrupted reads go on, and never behind what was asked for`() throws {
        var results = [3, -1, 4, 3]
        var asked: [Int] = []
        let bytes = try ContentFile.read(10, at: 100) { memory, count, offset in
            asked.append(count)
            #expect(Int(offset) == 110 - count)
            errno = EINTR
            let result = results.removeFirst()
            if result > 0 { memory?.initializeMemory(as: UInt8.self, repeating: UInt8(result), count: result) }
            return result
        }
        #expect(asked == [10, 7, 7, 3])
        #expect(Array(bytes.readableBytesView) == [3, 3, 3, 4, 4, 4, 4, 3, 3, 3])
    }

    @Test(arguments: [(0, EIO), (-1, ENXIO)])
    func `an end that comes too soon and a broken disk are errors`(_ result: Int, _ expected: CInt) {
        #expect(throws: BlobStoreError.system(call: "pread", errno: expected)) {
            try ContentFile.read(10, at: 0) { _, _, _ in
                errno = ENXIO
                return result
            }
        }
    }
}
