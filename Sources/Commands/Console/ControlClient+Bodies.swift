internal import AsyncHTTPClient
internal import ControlServer
internal import NIOCore
internal import NIOHTTP1

extension ControlClient {
    /// A line is one image's document.
    private static let lineLimitBytes = 64 << 10

    /// Sends `body`, and understands the answer.
    func request<Document: Decodable & Sendable>(
        _ method: Method, _ path: String, body: some Encodable, timeout: Duration = .seconds(30),
        as type: Document.Type = Document.self
    ) async throws(CommandFailure) -> Document {
        let bytes = try Self.encoded(body)
        let (status, answer) = try await exchange(method, path, query: [], body: bytes, timeout: timeout)
        return try understood(status: status, answer, as: type)
    }

    /// Sends `body`, and gives each line of the answer to `receive` as it comes. There is no limit of time: the
    /// service sends an empty line now and then.
    func lines<Document: Decodable & Sendable>(
        _ method: Method, _ path: String, body: some Encodable, as type: Document.Type = Document.self,
        _ receive: (Document) throws -> Void
    ) async throws {
        let bytes = try Self.encoded(body)
        let response = try await open(method, path, query: [], body: bytes, timeout: .seconds(365 * 86_400))
        guard (200...299).contains(Int(response.status.code)) else {
            let answer = try await collected(response)
            throw failure(status: Int(response.status.code), bytes: answer)
        }
        var rest = ByteBuffer()
        do {
            for try await var piece in response.body {
                rest.writeBuffer(&piece)
                while let line = Self.line(&rest) {
                    if !line.isEmpty { try receive(try understood(status: 200, line, as: type)) }
                }
                rest.discardReadBytes()
                guard rest.readableBytes <= Self.lineLimitBytes else { throw Self.nonsense }
            }
        } catch let failure as CommandFailure {
            throw failure
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            throw broken(error)
        }
    }

    private static func line(_ buffer: inout ByteBuffer) -> [UInt8]? {
        guard let end = buffer.readableBytesView.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
        let line = buffer.readBytes(length: end - buffer.readerIndex)
        buffer.moveReaderIndex(forwardBy: 1)
        return line
    }

    private static func encoded(_ body: some Encodable) throws(CommandFailure) -> [UInt8] {
        do {
            return Array(try ControlJSON.encode(body).utf8)
        } catch {
            throw CommandFailure(.failure, "the question cannot be written as JSON")
        }
    }
}
