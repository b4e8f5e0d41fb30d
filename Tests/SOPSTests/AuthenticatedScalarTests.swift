import Testing

@testable import SOPS

@Suite struct AuthenticatedScalarTests {
    @Test(arguments: [
        ("42", "42"), ("+42", "42"), ("-7", "-7"), ("1_000", "1000"), ("0x1F", "31"), ("0b101", "5"), ("0o17", "15"),
        ("0777", "511"), ("08", "8"), ("-0x10", "-16"), ("1.50", "1.5"), ("1e3", "1000"), (".5", "0.5"), ("5.", "5"),
        ("1e-7", "0.0000001"), ("123456789012345680000.0", "123456789012345680000"), ("true", "True"),
        ("FALSE", "False"), (".inf", "+Inf"), ("-.INF", "-Inf"), (".NaN", "NaN"), ("yes", "yes"), ("1.2.3", "1.2.3"),
        ("10.0.0.0/8", "10.0.0.0/8"), ("5m", "5m"), ("-", "-"), ("2025-x", "2025-x"), ("ghcr.io", "ghcr.io"),
    ])
    func `a value without quotes is authenticated as go-yaml reads it`(_ text: String, _ bytes: String) {
        #expect(AuthenticatedScalar(plain: text, numbersAreFloats: false) == .bytes(Array(bytes.utf8)))
    }

    @Test(arguments: ["2025-01-02", "2025-1-2", "2025-01-02T10:00:00Z", "2025-01-02 10:00:00"])
    func `a date is told apart`(_ text: String) {
        #expect(AuthenticatedScalar(plain: text, numbersAreFloats: false) == .date)
    }

    @Test func `a number beyond 64 bits is refused, but in JSON, where it is a float`() {
        let text = "12345678901234567890123"
        #expect(AuthenticatedScalar(plain: text, numbersAreFloats: false) == .unsupported)
        #expect(
            AuthenticatedScalar(plain: text, numbersAreFloats: true) == .bytes(Array("12345678901234568000000".utf8)))
    }

    @Test(arguments: ["", "~", "null", "Null", "NULL"])
    func `nothing is passed over`(_ text: String) {
        #expect(AuthenticatedScalar(plain: text, numbersAreFloats: false) == .null)
    }

    @Test(arguments: [
        (0.0, "0"), (-0.0, "-0"), (100, "100"), (1e21, "1000000000000000000000"), (1.5e-10, "0.00000000015"),
        (123.456, "123.456"), (Double.leastNonzeroMagnitude, "0." + String(repeating: "0", count: 323) + "5"),
    ])
    func `floats are written as Go writes them`(_ value: Double, _ text: String) {
        #expect(GoFloat.text(value) == text)
    }
}
