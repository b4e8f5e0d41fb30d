import FoundationEssentials
import Glibc

/// What curl received.
struct HTTPAnswer: Sendable {
    /// 0 where no answer came.
    let status: Int
    /// Names in lower case. The last value where a field came twice.
    let fields: [String: String]
    let body: Data
    /// The version of HTTP: `1.1`, `2`; empty where no answer came.
    let version: String
    /// curl's exit status: 0 where the answer came whole, 18 where the connection was cut in its midst.
    let exit: Int

    var isComplete: Bool { exit == 0 }
    var text: String { String(decoding: body, as: UTF8.self) }
}

extension ClosedMachine {
    /// Sends one request from inside the machine and takes the whole answer.
    ///
    /// - Parameters:
    ///   - fields: lines such as `Range: bytes=0-9`.
    ///   - upload: the file that becomes the request's body.
    ///   - options: more for curl, such as `--cacert FILE`.
    func request(
        _ url: String, method: String = "GET", fields: [String] = [], upload: String? = nil, options: [String] = [],
        within bound: Duration = .seconds(60)
    ) async throws -> HTTPAnswer {
        let folder = try ScratchDirectory()
        var arguments = [
            "-q", "--silent", "--path-as-is", "--max-time", "\(bound.components.seconds)",
            "--dump-header", "\(folder.path)/fields", "--output", "\(folder.path)/body",
            "--write-out", "%{http_code} %{exitcode}",
        ]
        arguments += method == "HEAD" ? ["--head"] : ["--request", method]
        arguments += fields.flatMap { ["--header", $0] }
        if let upload { arguments += ["--data-binary", "@\(upload)"] }
        let result = try await run("curl", arguments + options + [url], within: bound + .seconds(5))
        return try Self.answer(told: result.output, folder: folder.path, suffix: "")
    }

    /// Sends a GET request for each of `urls` at one time, each on its own connection, and takes the answers in order.
    ///
    /// - Parameter rate: what each client takes at the most, as curl has it ("2M" a second); unlimited where nil.
    func requestTogether(
        _ urls: [String], rate: String? = nil, options: [String] = [], within bound: Duration = .seconds(90)
    ) async throws -> [HTTPAnswer] {
        let folder = try ScratchDirectory()
        // One transfer's settings each, divided by "next".
        let transfers = urls.enumerated().map { number, url in
            """
            url = "\(url)"
            output = "\(folder.path)/body\(number)"
            dump-header = "\(folder.path)/fields\(number)"
            write-out = "\(number) %{http_code} %{exitcode}\\n"
            silent
            max-time = \(bound.components.seconds)
            \(rate.map { "limit-rate = \($0)" } ?? "")
            """
        }
        try writeText(transfers.joined(separator: "\nnext\n"), to: "\(folder.path)/transfers")
        let result = try await run(
            "curl",
            ["-q", "--parallel", "--parallel-immediate", "--parallel-max", "\(min(urls.count, 300))"] + options
                + ["--config", "\(folder.path)/transfers"],
            within: bound + .seconds(5))
        let told = result.output.split(separator: "\n").map { $0.split(separator: " ", maxSplits: 1) }
        return try urls.indices.map { number in
            let own = told.first { $0.first == "\(number)" }?.last ?? ""
            return try Self.answer(told: String(own), folder: folder.path, suffix: "\(number)")
        }
    }

    /// Starts to download `url` to the file `path`, and returns once the first bytes are there.
    func startDownload(_ url: String, to path: String, rate: String? = nil) async throws -> MachineProcess {
        let limit = rate.map { ["--limit-rate", $0] } ?? []
        let process = try start(
            "curl", ["-q", "--silent", "--fail", "--no-buffer", "--output", path] + limit + [url],
            name: "download-\(UInt64.random(in: 0...UInt64.max))")
        try await eventually("the first bytes of \(url) are there") {
            if let ending = process.ending, ending != .exited(0) {
                throw MachineError.failed(command: "curl \(url)", ending: ending, output: "")
            }
            var information = stat()
            return stat(path, &information) == 0 && information.st_size > 0
        }
        return process
    }

    private static func answer(told: String, folder: String, suffix: String) throws -> HTTPAnswer {
        let numbers = told.split(separator: " ").compactMap { Int($0) }
        var fields: [String: String] = [:]
        var version = ""
        for line in ((try? readText("\(folder)/fields\(suffix)")) ?? "").split(whereSeparator: \.isNewline) {
            if line.hasPrefix("HTTP/") { version = String(line.dropFirst("HTTP/".count).prefix { $0 != " " }) }
            guard let colon = line.firstIndex(of: ":") else { continue }
            fields[line[..<colon].lowercased()] = String(line[line.index(after: colon)...].drop { $0 == " " })
        }
        return HTTPAnswer(
            status: numbers.first ?? 0, fields: fields, body: (try? readBytes("\(folder)/body\(suffix)")) ?? Data(),
            version: version, exit: numbers.count > 1 ? numbers[1] : -1)
    }
}
