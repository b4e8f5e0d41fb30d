/// Whether `text` matches `pattern`, in which `*` stands for any run of characters, none included.
/// Takes time in proportion to the product of both lengths at worst; there is no back-tracking beyond the last `*`.
package func matches(_ text: some StringProtocol, pattern: some StringProtocol) -> Bool {
    let text = Array(text.utf8)
    let pattern = Array(pattern.utf8)
    var position = 0
    var token = 0
    var star: (token: Int, position: Int)?
    while position < text.count {
        if token < pattern.count, pattern[token] == UInt8(ascii: "*") {
            star = (token, position)
            token += 1
        } else if token < pattern.count, pattern[token] == text[position] {
            token += 1
            position += 1
        } else if let last = star {
            star = (last.token, last.position + 1)
            token = last.token + 1
            position = last.position + 1
        } else {
            return false
        }
    }
    return pattern[token...].allSatisfy { $0 == UInt8(ascii: "*") }
}
