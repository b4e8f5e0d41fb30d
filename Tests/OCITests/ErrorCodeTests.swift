import Foundation
import OCI
import Testing

struct ErrorCodeTests {
    @Test(arguments: [
        "plain", "with \"quotes\" and \\", "line\nline\r\ttab", "\0\u{1}\u{1F}\u{7F}", "é 🐳 \u{2028}", "",
    ])
    func `an envelope is JSON and says what was meant`(_ message: String) throws {
        let envelope = RegistryError(.manifestUnknown, message).envelope
        let object = try #require(try JSONSerialization.jsonObject(with: Data(envelope.utf8)) as? [String: Any])
        let errors = try #require(object["errors"] as? [[String: Any]])
        #expect(errors.count == 1)
        #expect(errors.first?["code"] as? String == "MANIFEST_UNKNOWN")
        #expect(errors.first?["message"] as? String == message)
    }
}
