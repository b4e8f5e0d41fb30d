import Testing
import Timekeeping

@testable import CloudCredentials

/// The cases of Amazon's Signature Version 4 test suite whose requests have a form that this client can send.
@Suite struct SignatureV4Tests {
    private static let origin = "https://example.amazonaws.com"
    /// 2015-08-30T12:36:00Z.
    private static let moment = Timestamp(seconds: 1_440_938_160)

    private static let cases: [(name: String, request: CloudRequest, token: String?, signature: String)] = [
        (
            "get-vanilla", CloudRequest(origin: origin), nil,
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
        ),
        (
            "post-vanilla", CloudRequest(method: "POST", origin: origin), nil,
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"
        ),
        (
            "get-vanilla-query-order-key-case",
            CloudRequest(origin: origin, query: [("Param2", "value2"), ("Param1", "value1")]), nil,
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"
        ),
        (
            "get-vanilla-utf8-query", CloudRequest(origin: origin, query: [("\u{1234}", "bar")]), nil,
            "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"
        ),
        (
            "get-utf8", CloudRequest(origin: origin, path: "/\u{1234}"), nil,
            "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"
        ),
        (
            "get-header-value-trim",
            CloudRequest(
                origin: origin, fields: [("My-Header1", " value1"), ("My-Header2", " \"a   b   c\"")]), nil,
            "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"
        ),
        (
            "get-vanilla-with-session-token", CloudRequest(origin: origin),
            "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267",
            "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8"
        ),
        (
            "post-x-www-form-urlencoded",
            CloudRequest(
                method: "POST", origin: origin,
                fields: [
                    ("Content-Type", "application/x-www-form-urlencoded"), ("Content-Length", "13"),
                    (
                        "x-amz-content-sha256", "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e"
                    ),
                ], body: Array("Param1=value1".utf8)), nil,
            "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b"
        ),
    ]

    @Test(arguments: cases.indices)
    func `a request is signed as Amazon's test suite has it`(_ index: Int) {
        let (name, request, token, signature) = Self.cases[index]
        let keys = AmazonKeys(
            identifier: "AKIDEXAMPLE", secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", sessionToken: token)
        var signed = request
        SignatureV4(keys: keys, region: "us-east-1", service: "service").sign(&signed, at: Self.moment)
        let authorization = signed.fields.first { $0.name == "Authorization" }?.value ?? ""
        #expect(authorization.hasSuffix("Signature=\(signature)"), "\(name): \(authorization)")
    }
}
