import Testing

@testable import Commands

@Suite struct IdleMemoryTests {
    @Test
    func `a service that does nothing but upkeep is idle`() {
        #expect(IdleMemory.isIdle(.milliseconds(20), over: .seconds(10)))
        #expect(!IdleMemory.isIdle(.milliseconds(100), over: .seconds(10)))
    }

    @Test
    func `only code that is as its file has it is given back`() {
        let maps = """
            55d0c8a00000-55d0c8b00000 r--p 00000000 fe:00 131 /usr/bin/weir
            55d0c8b00000-55d0c9c00000 r-xp 00100000 fe:00 131                        /usr/bin/weir
            55d0c9c00000-55d0c9d00000 rw-p 01200000 fe:00 131                        /usr/bin/weir
            55d0c9d00000-55d0c9e00000 rwxp 00100000 fe:00 131                        /usr/bin/weir
            7f0000000000-7f0000100000 r-xp 00000000 fe:00 99                         /lib/libc.so.6
            7f0000200000-7f0000300000 rw-p 00000000 00:00 0
            7f0000400000-7f0000500000 r-xp 00000000 00:00 0
            7ffd00000000-7ffd00001000 r-xp 00000000 00:00 0                          [vdso]
            nonsense r-xp 0 0 0 /usr/bin/weir
            """
        #expect(
            IdleMemory.codeRanges(in: maps) == [
                0x55d0_c8b0_0000..<0x55d0_c9c0_0000, 0x7f00_0000_0000..<0x7f00_0010_0000,
            ])
    }
}
